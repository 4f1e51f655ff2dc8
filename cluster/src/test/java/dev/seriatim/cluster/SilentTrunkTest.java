package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.cluster.CounterCalls.call;
import static dev.seriatim.cluster.CounterCalls.failure;
import static dev.seriatim.cluster.CounterCalls.get;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of stubs when packets between their edge and their owner get lost. */
final class SilentTrunkTest {
  private final TestCluster cluster = new TestCluster();
  private final Recorder recorder = new Recorder();

  @AfterEach
  void close() {
    cluster.close();
  }

  private Node edge(Duration trunkPatience) {
    return cluster.start(
        "edge",
        recorder.on("edge"),
        options ->
            options
                .withTrunksPerHost(1)
                .withTrunkPatience(trunkPatience)
                .withRoutingPatience(Duration.ofMillis(300)));
  }

  private Node owner() {
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    return owner;
  }

  private static DurableObjectStub stub(Node edge) {
    return edge.client(ClientOptions.builder().build()).namespace("RECORDER").getByName("somebody");
  }

  /** The owner says something, though none of its objects does. */
  private static void awaitWord(Node owner) throws Exception {
    long before = owner.wire().answered();
    TestHost.await("an answer to a beat", () -> owner.wire().answered() > before);
  }

  /** Not sooner: as long as it says that it is there, a turn may take as long as it wants. */
  @Test
  void aTrunkOnWhichNobodyAnswersIsGivenUpWithItsConnection() throws Exception {
    Node edge = edge(Duration.ofSeconds(3));
    Node owner = owner();
    DurableObjectStub stub = stub(edge);
    recorder.hold(1);
    ListenableFuture<CounterValue> held = call(stub, 1);
    assertThat(recorder.arrived(1).await(60, TimeUnit.SECONDS)).isTrue();
    for (int beat = 0; beat < 5; beat++) {
      awaitWord(owner);
    }
    assertThat(held.isDone()).isFalse();
    owner.wire().silence();
    assertThat(failure(held)).contains("nothing was heard of it for 3000 ms");
    assertThat(failure(held)).contains("UNKNOWN]");
    recorder.open(1);
    owner.wire().speak();
    assertThat(get(call(stub(edge), 2))).isEqualTo(2);
  }

  @Test
  void aShortSilenceIsWaitedFor() throws Exception {
    Node edge = edge(Duration.ofSeconds(60));
    Node owner = owner();
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    awaitWord(owner);
    owner.wire().silence();
    ListenableFuture<CounterValue> waits = call(stub, 2);
    owner.wire().speak();
    assertThat(get(waits)).isEqualTo(2);
  }

  @Test
  void aStubThatNeverReachedItsOwnerIsToldSo() throws Exception {
    Node edge = edge(Duration.ofMillis(500));
    Node owner = owner();
    owner.wire().silence();
    assertThat(failure(call(stub(edge), 1)))
        .contains("no host had the object within 300 ms [OWNER_UNAVAILABLE");
  }
}
