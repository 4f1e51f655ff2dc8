package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.stub.StreamObserver;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Objects call objects of other hosts, and no circle of them waits for itself. */
final class CallsAcrossHostsTest {
  private final TestCluster cluster = new TestCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  /** Asks the object behind it in the alphabet, and the last one answers. */
  private static final class Link extends CounterGrpc.CounterImplBase {
    private final DurableObjectState state;

    private Link(DurableObjectState state) {
      this.state = state;
    }

    private CounterGrpc.CounterBlockingStub next(char from, char last) {
      char self = state.id().name().orElseThrow().charAt(0);
      char next = self == last ? from : (char) (self + 1);
      return CounterGrpc.newBlockingStub(
          state.objects().namespace("LINK").getByName(String.valueOf(next)).channel());
    }

    /** Goes on to {@code c}, and counts the links. */
    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      boolean isLast = state.id().name().orElseThrow().equals("c");
      long behind = isLast ? 0 : next('a', 'c').get(request).getValue();
      reply.onNext(CounterValue.newBuilder().setValue(behind + 1).build());
      reply.onCompleted();
    }

    /** Goes round and round. */
    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      reply.onNext(next('a', 'c').increment(request));
      reply.onCompleted();
    }
  }

  private static void objects(DurableObjectHost.Builder builder) {
    builder.namespace("LINK", CounterGrpc.getServiceDescriptor(), Link::new);
  }

  private DurableObjectStub ring() {
    Node one = cluster.start("one", CallsAcrossHostsTest::objects);
    Node two = cluster.start("two", CallsAcrossHostsTest::objects);
    Node three = cluster.start("three", CallsAcrossHostsTest::objects);
    DurableObjectNamespace links = one.client(ClientOptions.builder().build()).namespace("LINK");
    Set<Integer> others = new HashSet<>(TestCluster.allSlots());
    Node[] hosts = {one, two, three};
    for (int i = 0; i < hosts.length; i++) {
      int slot = Slots.of(links.getByName(String.valueOf((char) ('a' + i))).id());
      others.remove(slot);
      cluster.take(hosts[i], Set.of(slot));
    }
    cluster.take(one, others);
    return links.getByName("a");
  }

  @Test
  void anObjectCallsThroughOthers() throws Exception {
    long links =
        ring()
            .call(CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance())
            .get(60, TimeUnit.SECONDS)
            .getValue();
    assertThat(links).isEqualTo(3);
  }

  @Test
  void aCircleIsRefused() {
    ExecutionException failure =
        assertThrows(
            ExecutionException.class,
            () ->
                ring()
                    .call(CounterGrpc.getIncrementMethod(), IncrementRequest.getDefaultInstance())
                    .get(60, TimeUnit.SECONDS));
    assertThat(failure).hasMessageThat().contains("waits for this call, and would be called by it");
  }
}
