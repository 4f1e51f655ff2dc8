package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Clients that follow what hosts say of where objects are. */
final class FollowedRoutesTest {
  private final TestCluster cluster = new TestCluster();
  private final Recorder recorder = new Recorder();
  private final List<String> connected = new CopyOnWriteArrayList<>();

  @AfterEach
  void close() {
    cluster.close();
  }

  private DurableObjects follower(Node at) {
    return at.client(
        ClientOptions.builder()
            .followRoutes(true)
            .routeChannels(
                address -> {
                  connected.add(address);
                  return NettyChannelBuilder.forTarget(address, InsecureChannelCredentials.create())
                      .build();
                })
            .build());
  }

  /** The first letter of the host that has the object. */
  private static char where(DurableObjectStub stub) throws Exception {
    return (char)
        stub.call(CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance())
            .get(60, TimeUnit.SECONDS)
            .getValue();
  }

  private static DurableObjectStub somebody(DurableObjects client) {
    return client.namespace("RECORDER").getByName("somebody");
  }

  @Test
  void aStubThatFollowedOutlivesTheEdge() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    try (DurableObjects client = follower(edge)) {
      DurableObjectStub passedOn = somebody(client);
      assertThat(where(passedOn)).isEqualTo('o');
      DurableObjectStub followed = somebody(client);
      assertThat(where(followed)).isEqualTo('o');
      assertThat(connected).containsExactly(owner.wire().address());

      cluster.kill(edge);
      assertThat(where(followed)).isEqualTo('o');
      assertThat(where(somebody(client))).isEqualTo('o');
    }
  }

  @Test
  void aRouteGoesAlongWithTheObject() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    Node next = cluster.start("next", recorder.on("next"));
    cluster.take(owner, TestCluster.allSlots());
    try (DurableObjects client = follower(edge)) {
      DurableObjectStub passedOn = somebody(client);
      assertThat(where(passedOn)).isEqualTo('o');
      DurableObjectStub followed = somebody(client);
      assertThat(where(followed)).isEqualTo('o');

      cluster.move(owner, next, Set.of(Slots.of(followed.id())));
      assertThat(where(followed)).isEqualTo('n'); // By the owner, which passes it on now,
      assertThat(where(somebody(client))).isEqualTo('n'); // and says so to the next one.
      assertThat(where(somebody(client))).isEqualTo('n');
      assertThat(connected)
          .containsExactly(owner.wire().address(), next.wire().address())
          .inOrder();
    }
  }

  @Test
  void aDeadRouteIsMended() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    try (DurableObjects client = follower(edge)) {
      assertThat(where(somebody(client))).isEqualTo('o');
      DurableObjectStub followed = somebody(client);
      assertThat(where(followed)).isEqualTo('o');

      cluster.kill(owner);
      cluster.take(edge, TestCluster.allSlots());
      assertThat(followed.awaitEnd(Duration.ofSeconds(60))).isTrue();
      assertThat(where(somebody(client))).isEqualTo('e');
    }
  }
}
