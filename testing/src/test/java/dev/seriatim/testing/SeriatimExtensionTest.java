package dev.seriatim.testing;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.seriatim.service.HostLimits;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Reasons;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** Which hosts tests get, and what becomes of what they leave. */
final class SeriatimExtensionTest {
  private static TestExecutionSummary run(Class<?> tests) {
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request().selectors(selectClass(tests)).build(),
            listener);
    return listener.getSummary();
  }

  private static void assertAllPass(Class<?> tests, long number) {
    TestExecutionSummary summary = run(tests);
    assertThat(summary.getFailures()).isEmpty();
    assertThat(summary.getTestsSucceededCount()).isEqualTo(number);
  }

  /** Run by the tests here, and by nobody else. */
  static class OneForEach {
    @RegisterExtension static final SeriatimExtension SERIATIM = SeriatimExtension.of(Tally::addTo);

    @BeforeEach
    void prepare(TestSeriatim host) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(1);
    }

    @Test
    void first(TestSeriatim host) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(2);
    }

    @Test
    void second(TestSeriatim host) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(2);
    }
  }

  @Test
  void eachMethodHasAHostOfItsOwn() {
    assertAllPass(OneForEach.class, 2);
  }

  /** Likewise. */
  @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
  static class OneForAll {
    @RegisterExtension
    static final SeriatimExtension SERIATIM = SeriatimExtension.of(Tally::addTo).shared();

    @Test
    @Order(1)
    void first(TestSeriatim host) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(1);
    }

    @Test
    @Order(2)
    void second(TestSeriatim host) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(2);
    }
  }

  @Test
  void aSharedHostIsThereForTheWholeClass() {
    assertAllPass(OneForAll.class, 2);
  }

  /** Likewise. */
  static class Leaky {
    @RegisterExtension static final SeriatimExtension SERIATIM = SeriatimExtension.of(Tally::addTo);

    @Test
    @SuppressWarnings("MustBeClosedChecker") // That is what is tested.
    void leavesAStubOpen(TestSeriatim host) {
      DurableObjectStub stub = host.objects().namespace(Tally.NAMESPACE).getByName("left");
      assertThat(Tallies.add(stub, 1).getSum()).isEqualTo(1);
    }
  }

  @Test
  void aStubThatIsLeftOpenFailsItsTest() {
    TestExecutionSummary summary = run(Leaky.class);
    assertThat(summary.getTestsFailedCount()).isEqualTo(1);
    assertThat(summary.getFailures().getFirst().getException())
        .hasMessageThat()
        .contains("stubs were left open, on TALLY/left");
  }

  @Test
  void aStubThatIsClosedBrokenOrNeverUsedIsNotLeftOpen() throws Exception {
    TestSeriatim host = SeriatimExtension.of(Tally::addTo).start();
    DurableObjectStub closed = host.objects().namespace(Tally.NAMESPACE).getByName("a");
    assertThat(Tallies.add(closed, 1).getSum()).isEqualTo(1);
    closed.close();
    assertThat(closed.awaitEnd(Duration.ofSeconds(30))).isTrue();
    DurableObjectStub broken = host.objects().namespace(Tally.NAMESPACE).getByName("a");
    host.object(Tally.NAMESPACE, "a").breakNextCall(Reasons.OBJECT_RESET);
    assertThat(Tallies.failure(broken).reason()).isEqualTo(Reasons.OBJECT_RESET);
    DurableObjectStub unused = host.objects().namespace(Tally.NAMESPACE).getByName("a");
    host.close();
    assertThat(List.of(closed.isBroken(), broken.isBroken(), unused.isBroken()))
        .containsExactly(false, true, false)
        .inOrder();
    assertThrows(IllegalStateException.class, host::restart);
  }

  @Test
  void aHostOnLoopbackIsReachedFromOutsideAndKeepsItsPort() {
    try (TestSeriatim host = SeriatimExtension.of(Tally::addTo).loopback().start()) {
      String target = host.target();
      ManagedChannel outside =
          Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
      try {
        DurableObjects objects = DurableObjects.on(outside);
        DurableObjectStub first = objects.namespace(Tally.NAMESPACE).getByName("a");
        assertThat(Tallies.add(first, 1).getSum()).isEqualTo(1);
        host.dropConnections();
        assertThat(Tallies.failure(first).reason()).isEqualTo(Reasons.CONNECTION_LOST);
        host.crash();
        assertThat(host.target()).isEqualTo(target);
        assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(2);
      } finally {
        outside.shutdownNow();
      }
    }
  }

  @Test
  void moreIsSetOfAHost() {
    SeriatimExtension one =
        SeriatimExtension.of(Tally::addTo)
            .with(host -> host.limits(HostLimits.builder().maxStubs(1).build()));
    try (TestSeriatim host = one.start()) {
      assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(1);
      assertThat(Tallies.failure(host.stub(Tally.NAMESPACE, "b")).reason())
          .isEqualTo(Reasons.OVERLOADED);
      IllegalStateException e = assertThrows(IllegalStateException.class, host::target);
      assertThat(e).hasMessageThat().contains("expected one with loopback()");
    }
  }
}
