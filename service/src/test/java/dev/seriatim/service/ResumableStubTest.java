package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.Int64Value;
import dev.seriatim.v1.OpenedSession;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Stubs that outlive their connections, over a store that outlives its host, and one that doesn't.
 */
abstract class ResumableStubTest {
  private static final Int64Value ZERO = Int64Value.getDefaultInstance();

  /** What was run, in order. */
  private final List<String> ran = new CopyOnWriteArrayList<>();

  private final Map<String, Semaphore> holds = new ConcurrentHashMap<>();
  private final Map<String, CountDownLatch> reached = new ConcurrentHashMap<>();
  private HostLimits limits = HostLimits.defaults();
  private @Nullable DurableObjectHost host;
  private @Nullable ManagedChannel channel;

  abstract StorageOptions storage();

  static final class InMemoryTest extends ResumableStubTest {
    @Override
    StorageOptions storage() {
      return StorageOptions.memory();
    }
  }

  static final class SqliteTest extends ResumableStubTest {
    @TempDir private Path directory;

    @Override
    StorageOptions storage() {
      return StorageOptions.sqlite(directory);
    }

    @Test
    void whatWroteIsToldAgainAfterARestart() throws Exception {
      SessionStub first = open("s", 1, 0);
      first.call(1, "get").call(2, "add").call(3, "get");
      assertThat(first.outcome(3)).isEqualTo("1");
      restart();
      SessionStub second = open("s", 2, 0);
      assertThat(second.opened().getCompletedThrough()).isEqualTo(2);
      assertThat(second.outcome(1)).isEqualTo("0");
      assertThat(second.outcome(2)).isEqualTo("1");
      second.call(3, "get");
      assertThat(second.outcome(3)).isEqualTo("1");
      assertThat(ran()).containsExactly("get", "add", "get", "get").inOrder();
    }

    @Test
    void aClientThatHasMoreThanTheStoreGoesOnBehindIt() throws Exception {
      SessionStub first = open("s", 1, 0);
      first.call(1, "add").call(2, "get").call(3, "get");
      assertThat(first.outcome(3)).isEqualTo("1");
      restart();
      SessionStub second = open("s", 2, 3);
      assertThat(second.opened().getCompletedThrough()).isEqualTo(3);
      second.call(4, "add");
      assertThat(second.outcome(4)).isEqualTo("2");
      assertThat(second.sequences()).containsExactly(4L);
    }

    @Test
    void aBreakIsToldAgainAfterARestart() throws Exception {
      SessionStub first = open("s", 1, 0);
      first.call(1, "add").call(2, "fail");
      first.broken("OBJECT_EXCEPTION");
      restart();
      SessionStub second = open("s", 2, 0);
      assertThat(second.outcome(1)).isEqualTo("1");
      assertThat(second.broken("OBJECT_EXCEPTION").getFailedSequence()).isEqualTo(2);
      assertThat(ran()).containsExactly("add", "fail");
    }

    @Test
    void aRestartForgetsNoConnection() throws Exception {
      SessionStub first = open("s", 7, 0);
      first.opened();
      first.call(1, "add");
      assertThat(first.outcome(1)).isEqualTo("1");
      restart();
      open("s", 7, 0).broken("SESSION_SUPERSEDED");
      assertThat(open("s", 8, 0).opened().getCompletedThrough()).isEqualTo(1);
    }

    @Test
    void deleteAllLeavesTheRecord() throws Exception {
      SessionStub first = open("s", 1, 0);
      first.call(1, "add").call(2, "deleteAll");
      first.outcome(2);
      restart();
      SessionStub second = open("s", 2, 0);
      assertThat(second.opened().getCompletedThrough()).isEqualTo(2);
      assertThat(second.outcome(1)).isEqualTo("1");
    }

    @Test
    void aKeyIsKnownAfterARestart() throws Exception {
      assertThat(keyed("k", "add")).isEqualTo("1");
      restart();
      assertThat(keyed("k", "add")).isEqualTo("1");
      assertThat(ran()).containsExactly("add");
    }
  }

  final List<String> ran() {
    return List.copyOf(ran);
  }

  private ManagedChannel channel() throws Exception {
    ManagedChannel open = channel;
    if (open == null) {
      String name = InProcessServerBuilder.generateName();
      host =
          DurableObjectHost.builder()
              .namespace(
                  TestHost.PROBE,
                  dev.seriatim.service.probe.ProbeGrpc.getServiceDescriptor(),
                  Probe.doing(this::run))
              .limits(limits)
              .storage(storage())
              .server(InProcessServerBuilder.forName(name))
              .build()
              .start();
      open = InProcessChannelBuilder.forName(name).build();
      channel = open;
    }
    return open;
  }

  final void restart() {
    close();
  }

  @AfterEach
  final void close() {
    holds.values().forEach(hold -> hold.release(1_000));
    if (channel != null) {
      channel.shutdownNow();
      channel = null;
    }
    if (host != null) {
      host.close();
      host = null;
    }
  }

  private void run(
      Probe probe,
      dev.seriatim.service.probe.Words request,
      io.grpc.stub.StreamObserver<dev.seriatim.service.probe.Words> reply)
      throws Exception {
    String what = request.getText();
    ran.add(what);
    DurableObjectStorage storage = probe.state().storage();
    long count = storage.get("n", ZERO).getValue();
    if (what.startsWith("hold")) {
      reached.computeIfAbsent(what, w -> new CountDownLatch(1)).countDown();
      hold(what).acquire();
    }
    switch (what) {
      case "fail" ->
          throw Status.FAILED_PRECONDITION.withDescription("not today").asRuntimeException();
      case "abort" -> probe.state().abort("as it was told");
      case "deleteAll" -> storage.deleteAll();
      case "get", "memory" -> {}
      default -> storage.put("n", Int64Value.of(++count));
    }
    Probe.reply(reply, what.equals("memory") ? probe.calls + " calls" : String.valueOf(count));
  }

  private Semaphore hold(String what) {
    return holds.computeIfAbsent(what, w -> new Semaphore(0));
  }

  private void awaitReached(String what) throws Exception {
    assertThat(
            reached.computeIfAbsent(what, w -> new CountDownLatch(1)).await(30, TimeUnit.SECONDS))
        .isTrue();
  }

  final SessionStub open(String session, int connection, long answered) throws Exception {
    return SessionStub.open(channel(), "foo", session, connection, answered, null);
  }

  final String keyed(String key, String text) throws Exception {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/foo");
    headers.put(Metadata.Key.of("seriatim-idempotency-key", Metadata.ASCII_STRING_MARSHALLER), key);
    return dev.seriatim.service.probe.ProbeGrpc.newBlockingStub(channel())
        .withInterceptors(io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(headers))
        .do_(Probe.words(text))
        .getText();
  }

  // ---- what is told

  @Test
  void aHostSaysThatItKnowsSessions() throws Exception {
    OpenedSession opened = open("s", 1, 0).opened();
    assertThat(opened.getCompletedThrough()).isEqualTo(0);
    assertThat(opened.getRetention().getSeconds()).isEqualTo(600);
  }

  @Test
  void outcomesAreToldAgain() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add").call(2, "memory").call(3, "add");
    assertThat(first.outcome(3)).isEqualTo("2");
    first.cancel();
    SessionStub second = open("s", 2, 1);
    assertThat(second.opened().getCompletedThrough()).isEqualTo(3);
    assertThat(second.outcome(2)).isEqualTo("2 calls");
    assertThat(second.outcome(3)).isEqualTo("2");
    second.call(4, "add");
    assertThat(second.outcome(4)).isEqualTo("3");
    assertThat(second.sequences()).containsExactly(2L, 3L, 4L).inOrder();
    assertThat(ran()).containsExactly("add", "memory", "add", "add").inOrder();
  }

  @Test
  void whatNeverStartedRunsOnce() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "hold").call(2, "add");
    awaitReached("hold");
    first.cancel();
    SessionStub second = open("s", 2, 0);
    assertThat(second.isOpened()).isFalse();
    hold("hold").release();
    assertThat(second.opened().getCompletedThrough()).isEqualTo(1);
    assertThat(second.outcome(1)).isEqualTo("1");
    second.call(2, "add");
    assertThat(second.outcome(2)).isEqualTo("2");
    assertThat(ran()).containsExactly("hold", "add").inOrder();
  }

  @Test
  void aNewerConnectionWins() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add");
    first.outcome(1);
    SessionStub second = open("s", 2, 1);
    assertThat(second.opened().getCompletedThrough()).isEqualTo(1);
    assertThat(first.end().getCode()).isEqualTo(Status.Code.ABORTED);
    assertThat(first.isBroken()).isFalse();
    open("s", 2, 1).broken("SESSION_SUPERSEDED");
    open("s", 1, 0).broken("SESSION_SUPERSEDED");
    second.call(2, "add");
    assertThat(second.outcome(2)).isEqualTo("2");
    assertThat(
            requireNonNull(host)
                .statistics()
                .namespaces()
                .getFirst()
                .stubsBroken("SESSION_SUPERSEDED"))
        .isEqualTo(3);
  }

  @Test
  void aFinalBreakIsToldAgain() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add").call(2, "fail").call(3, "add");
    first.broken("OBJECT_EXCEPTION");
    SessionStub second = open("s", 2, 0);
    assertThat(second.opened().getCompletedThrough()).isEqualTo(1);
    assertThat(second.broken("OBJECT_EXCEPTION").getFailedSequence()).isEqualTo(2);
    assertThat(second.outcome(1)).isEqualTo("1");
    assertThat(ran()).containsExactly("add", "fail").inOrder();
  }

  @Test
  void aStubGoesOnBehindABreakThatIsRetryable() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add").call(2, "abort").call(3, "add");
    first.broken("OBJECT_RESET");
    SessionStub second = open("s", 2, 0);
    assertThat(second.opened().getCompletedThrough()).isEqualTo(1);
    second.call(2, "add");
    assertThat(second.outcome(2)).isEqualTo("2");
  }

  // ---- what is forgotten

  @Test
  void whatIsAcknowledgedIsForgotten() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add");
    first.outcome(1);
    first.call(2, "add", 1);
    first.outcome(2);
    first.cancel();
    open("s", 2, 0).broken("PROTOCOL_VIOLATION");
    SessionStub third = open("s", 3, 1);
    assertThat(third.opened().getCompletedThrough()).isEqualTo(2);
    assertThat(third.outcome(2)).isEqualTo("2");
  }

  @Test
  void nobodyAcknowledgesWhatWasNotSent() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.opened();
    first.acknowledge(1);
    assertThat(first.broken("PROTOCOL_VIOLATION").getCause().getMessage())
        .contains("acknowledged_through 1, expected at most 0");
  }

  @Test
  void aClosedStubIsForgotten() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add");
    first.outcome(1);
    first.acknowledge(1);
    first.halfClose();
    assertThat(first.end().getCode()).isEqualTo(Status.Code.OK);
    assertThat(open("s", 1, 0).opened().getCompletedThrough()).isEqualTo(0);
  }

  @Test
  void aStubThatIsClosedWithoutAWordIsRemembered() throws Exception {
    SessionStub first = open("s", 1, 0);
    first.call(1, "add");
    first.outcome(1);
    first.halfClose();
    assertThat(first.end().getCode()).isEqualTo(Status.Code.OK);
    SessionStub second = open("s", 2, 0);
    assertThat(second.outcome(1)).isEqualTo("1");
  }

  @Test
  void anOldSessionThatNobodyKnowsHasExpired() throws Exception {
    SessionStub late = SessionStub.open(channel(), "foo", "s", 2, 0, Duration.ofSeconds(301));
    late.broken("SESSION_EXPIRED");
    assertThat(late.isOpened()).isFalse();
    SessionStub young = SessionStub.open(channel(), "foo", "t", 2, 5, Duration.ofSeconds(299));
    assertThat(young.opened().getCompletedThrough()).isEqualTo(5);
    young.call(6, "add");
    assertThat(young.outcome(6)).isEqualTo("1");
  }

  // ---- what is wrong

  @Test
  void nothingIsInvokedBeforeALaterConnectionIsOpen() throws Exception {
    SessionStub hold = open("other", 1, 0).call(1, "hold");
    awaitReached("hold");
    SessionStub second =
        SessionStub.openWithCall(channel(), "foo", SessionStub.session("s", 2, 0, null), 1);
    hold("hold").release();
    second.broken("PROTOCOL_VIOLATION");
    hold.outcome(1);
    assertThat(ran()).containsExactly("hold");
  }

  @Test
  void whatIsNoSessionIsRefused() throws Exception {
    List<dev.seriatim.v1.Session> wrong = new ArrayList<>();
    dev.seriatim.v1.Session good = SessionStub.session("s", 1, 0, null);
    wrong.add(good.toBuilder().setId(ByteString.copyFrom(new byte[15])).build());
    wrong.add(good.toBuilder().setConnection(0).build());
    wrong.add(good.toBuilder().setAnsweredThrough(1).build());
    for (dev.seriatim.v1.Session session : wrong) {
      SessionStub stub = SessionStub.open(channel(), "foo", session);
      stub.broken("PROTOCOL_VIOLATION");
      assertThat(stub.isOpened()).isFalse();
    }
  }

  // ---- limits

  @Test
  void unacknowledgedOutcomesStopTheStub() throws Exception {
    limits =
        HostLimits.builder()
            .sessions(SessionLimits.defaults().withMaxUnacknowledgedOutcomes(2))
            .build();
    SessionStub stub = open("s", 1, 0);
    stub.call(1, "add").call(2, "add").call(3, "add");
    stub.outcome(2);
    SessionStub other = open("other", 1, 0).call(1, "add");
    other.outcome(1);
    assertThat(ran()).hasSize(3);
    stub.acknowledge(1);
    stub.outcome(3);
  }

  @Test
  void anObjectHasOnlySoManySessions() throws Exception {
    limits =
        HostLimits.builder().sessions(SessionLimits.defaults().withMaxSessionsPerObject(2)).build();
    open("a", 1, 0).opened();
    open("b", 1, 0).opened();
    open("c", 1, 0).broken("OVERLOADED");
    open("a", 2, 0).opened();
  }

  // ---- idempotency keys

  @Test
  void aCallWithAKeyRunsOnce() throws Exception {
    assertThat(keyed("k", "add")).isEqualTo("1");
    assertThat(keyed("k", "add")).isEqualTo("1");
    assertThat(keyed("l", "add")).isEqualTo("2");
    assertThat(keyed("m", "get")).isEqualTo("2");
    assertThat(keyed("n", "add")).isEqualTo("3");
    assertThat(keyed("m", "get")).isEqualTo("2");
    assertThat(ran()).containsExactly("add", "add", "get", "add").inOrder();
  }

  @Test
  void aKeyBelongsToOneCall() throws Exception {
    assertThat(keyed("k", "add")).isEqualTo("1");
    io.grpc.StatusRuntimeException e =
        org.junit.jupiter.api.Assertions.assertThrows(
            io.grpc.StatusRuntimeException.class, () -> keyed("k", "get"));
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void aFailureIsNotRemembered() throws Exception {
    for (int i = 0; i < 2; i++) {
      io.grpc.StatusRuntimeException e =
          org.junit.jupiter.api.Assertions.assertThrows(
              io.grpc.StatusRuntimeException.class, () -> keyed("k", "fail"));
      assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    }
    assertThat(ran()).containsExactly("fail", "fail");
  }
}
