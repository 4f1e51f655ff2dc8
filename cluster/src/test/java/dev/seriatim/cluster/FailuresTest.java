package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.cluster.CounterCalls.call;
import static dev.seriatim.cluster.CounterCalls.failure;
import static dev.seriatim.cluster.CounterCalls.get;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.service.HostLimits.QueueSize;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of stubs, and of what they called, as hosts fail at bad moments. */
final class FailuresTest {
  private final TestCluster cluster = new TestCluster();
  private final Recorder recorder = new Recorder();

  @AfterEach
  void close() {
    cluster.close();
  }

  private Node start(String name) {
    return cluster.start(name, recorder.on(name));
  }

  /** A host that has every object, and cuts no turn off that takes long on a busy machine. */
  private Node owner(String name) {
    Node owner =
        cluster.start(
            name, recorder.on(name), options -> options.withHandOffLimit(Duration.ofSeconds(30)));
    cluster.take(owner, TestCluster.allSlots());
    return owner;
  }

  private static DurableObjectStub stub(Node edge) {
    return stub(edge, "somebody");
  }

  private static DurableObjectStub stub(Node edge, String name) {
    return edge.client(ClientOptions.builder().build()).namespace("RECORDER").getByName(name);
  }

  /** What a call came to: the number that was answered, or what was told of its failure. */
  private static String outcome(ListenableFuture<CounterValue> answer) throws Exception {
    try {
      return Long.toString(get(answer));
    } catch (ExecutionException e) {
      return String.valueOf(e.getCause());
    }
  }

  private static List<Long> upTo(int count) {
    return LongStream.rangeClosed(1, count).boxed().toList();
  }

  /** A turn runs that waits for {@link Recorder#open}. */
  private ListenableFuture<CounterValue> hold(DurableObjectStub stub, long amount)
      throws Exception {
    recorder.hold(amount);
    ListenableFuture<CounterValue> held = call(stub, amount);
    assertThat(recorder.arrived(amount).await(60, TimeUnit.SECONDS)).isTrue();
    return held;
  }

  private static void awaitNoStubs(Node node) throws Exception {
    TestHost.await(
        "no stub at " + node.name(),
        () -> node.host().statistics().namespaces().getFirst().stubsOpen() == 0);
  }

  // ---- the edge

  @Test
  void whatHasNotBegunDoesNotRunWhenItsEdgeIsGone() throws Exception {
    Node edge = start("edge");
    Node owner = owner("owner");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    String id = stub.id().toString(); // Which asks the edge.
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    cluster.kill(edge);
    assertThat(failure(held)).contains("UNKNOWN]");
    assertThat(failure(behind)).doesNotContain("COMPLETED");
    awaitNoStubs(owner);
    recorder.open(2);
    assertThat(get(call(stub(owner), 4))).isEqualTo(4);
    assertThat(recorder.of(id)).doesNotContain(3L);
  }

  /** The owner waits for its turn, and for nobody who could hear of it. */
  @Test
  void anObjectMovesThoughAnEdgeDiesMeanwhile() throws Exception {
    Node edge = start("edge");
    Node other = start("other");
    Node one = owner("one");
    Node two = start("two");
    DurableObjectStub stub = stub(edge);
    DurableObjectStub staying = stub(other);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    int slot = Slots.of(stub.id());
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    ListenableFuture<CounterValue> beside = call(staying, 4);
    CompletionStage<Void> given = cluster.give(one, slot);
    cluster.kill(edge);
    assertThat(failure(held)).contains("[CONNECTION_LOST, call 2, UNKNOWN]");
    assertThat(failure(behind)).doesNotContain("COMPLETED");
    recorder.open(2);
    TestCluster.awaitGiven(given);
    cluster.take(two, Set.of(slot));
    assertWithMessage("the call of the other edge's stub").that(get(beside)).isEqualTo(4);
    assertThat(get(call(staying, 5))).isEqualTo(5);
    assertThat(recorder.of(staying.id().toString())).containsExactly(1L, 2L, 4L, 5L).inOrder();
  }

  /** It takes along what it has kept for the next owner. */
  @Test
  void whatAnEdgeKeepsForTheNextOwnerDoesNotRunWhenItDies() throws Exception {
    Node edge = start("edge");
    Node one = owner("one");
    Node two = start("two");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    int slot = Slots.of(stub.id());
    TestCluster.awaitGiven(cluster.give(one, slot));
    TestHost.await("an edge that hears that the object moves", () -> edge.foundWrong(slot));
    ListenableFuture<CounterValue> kept = call(stub, 2);
    cluster.kill(edge);
    assertThat(failure(kept)).doesNotContain("COMPLETED");
    cluster.take(two, Set.of(slot));
    DurableObjectStub next = stub(two);
    assertThat(get(call(next, 3))).isEqualTo(3);
    assertThat(recorder.of(next.id().toString())).containsExactly(1L, 3L).inOrder();
  }

  @Test
  void whatHasNotBegunDoesNotRunWhenItsTrunkIsReset() throws Exception {
    Node edge = start("edge");
    Node owner = owner("owner");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    owner.wire().reset();
    assertThat(failure(held)).contains("UNKNOWN]");
    assertThat(failure(behind)).doesNotContain("COMPLETED");
    awaitNoStubs(owner);
    recorder.open(2);
    assertThat(get(call(stub(edge), 4))).isEqualTo(4);
    assertThat(recorder.of(stub.id().toString())).doesNotContain(3L);
  }

  @Test
  void anEdgeThatDrainsTellsItsStubsHowFarTheyCame() throws Exception {
    Node edge = start("edge");
    owner("owner");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    String id = stub.id().toString(); // Which asks the edge.
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    CompletableFuture<Void> drained = draining(edge);
    TestHost.await("a stub that is told that its edge drains", () -> isToldThatItDrains(edge));
    recorder.open(2);
    assertWithMessage("the turn that it was in").that(get(held)).isEqualTo(2);
    // What is behind it may have been begun before its owner was told.
    String told = outcome(behind);
    assertThat(told.equals("3") || told.contains("[HOST_DRAINING, call 3, NOT_EXECUTED")).isTrue();
    assertThat(failure(call(stub, 4))).contains("HOST_DRAINING");
    assertThat(recorder.of(id)).isEqualTo(upTo(told.equals("3") ? 3 : 2));
    drained.get(60, TimeUnit.SECONDS);
  }

  private static CompletableFuture<Void> draining(Node node) {
    CompletableFuture<Void> drained = new CompletableFuture<>();
    Thread _ =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    node.host().drain();
                    drained.complete(null);
                  } catch (InterruptedException | RuntimeException e) {
                    drained.completeExceptionally(e);
                  }
                });
    return drained;
  }

  private static boolean isToldThatItDrains(Node edge) {
    try {
      return outcome(call(stub(edge, "somebody else"), 1)).contains("HOST_DRAINING");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatAnEdgeHasNoRoomForIsToldSo() throws Exception {
    Node edge =
        cluster.start(
            "edge",
            recorder.on("edge"),
            options -> options.withEdgeQueue(new QueueSize(/* invocations= */ 1, 1 << 20)));
    owner("owner");
    ListenableFuture<CounterValue> held = hold(stub(edge), 1);
    assertThat(failure(call(stub(edge, "somebody else"), 2)))
        .contains("[OVERLOADED, call 1, NOT_EXECUTED");
    recorder.open(1);
    assertThat(get(held)).isEqualTo(1);
    assertThat(get(call(stub(edge, "somebody else"), 3))).isEqualTo(3);
  }

  @Test
  void anEdgeThatTheStoreDoesNotHearPassesStubsOn() throws Exception {
    Node edge = start("edge");
    Node owner = owner("owner");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    cluster.cutOffFromStore(edge);
    assertThat(get(call(stub, 2))).isEqualTo(2);
    assertThat(get(call(stub(edge), 3))).isEqualTo(3);
    owner.wire().reset();
    assertThat(get(call(stub(edge), 4))).isEqualTo(4);
  }

  // ---- the owner

  /** An edge that waits for an owner that says nothing. */
  private Node edgeThatWaits() {
    return cluster.start(
        "edge",
        recorder.on("edge"),
        options ->
            options
                .withTrunkPatience(Duration.ofSeconds(60))
                .withLostPatience(Duration.ofMillis(200)));
  }

  /** An owner that has been sent a call, and says nothing: the edge waits for it. */
  private final class SilentOwner {
    private final Node edge = edgeThatWaits();
    private final Node one = owner("one");
    private final Node two = start("two");
    private final DurableObjectStub stub = stub(edge);
    private final ListenableFuture<CounterValue> sent;

    private SilentOwner() throws Exception {
      assertThat(get(call(stub, 1))).isEqualTo(1);
      one.wire().silence();
      sent = call(stub, 2);
    }

    /** The stub that waited for it is told that this is so; what was sent to it may have run. */
    private void isLostSince(String why) throws Exception {
      assertThat(failure(sent)).contains(why + " [CONNECTION_LOST, call 2, UNKNOWN]");
    }

    private void runsNothingWhenItWakesThoughAnotherHostHasItsObject() throws Exception {
      assertThat(get(call(stub(edge), 3))).isEqualTo(3);
      one.wire().speak();
      awaitNoStubs(one);
      assertThat(recorder.of(stub.id().toString())).containsExactly(1L, 3L).inOrder();
    }
  }

  @Test
  void whatHangsForLongerThanItsLeaseIsLostAndRunsNothingWhenItWakes() throws Exception {
    SilentOwner owner = new SilentOwner();
    cluster.bury(owner.one);
    owner.isLostSince("the host is gone");
    cluster.take(owner.two, TestCluster.allSlots());
    owner.runsNothingWhenItWakesThoughAnotherHostHasItsObject();
  }

  /** That the object moves is never heard of, nor whether what was sent has run before. */
  @Test
  void aStubIsLostWhoseOwnerIsSilentWhileAnotherHostHasItsObject() throws Exception {
    SilentOwner owner = new SilentOwner();
    cluster.move(owner.one, owner.two, Set.of(Slots.of(owner.stub.id())));
    owner.isLostSince("another host has it");
    owner.runsNothingWhenItWakesThoughAnotherHostHasItsObject();
  }

  @Test
  void anOwnerThatDiesWhileItsObjectIsToMoveIsLostLikeAnyOther() throws Exception {
    Node edge = start("edge");
    Node one = owner("one");
    Node two = start("two");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    ListenableFuture<CounterValue> held = hold(stub, 2);
    CompletionStage<Void> given = cluster.give(one, Slots.of(stub.id()));
    cluster.kill(one);
    recorder.open(2);
    assertThat(failure(held)).contains("UNKNOWN]");
    assertWithMessage("whether the slot was given")
        .that(given.toCompletableFuture().isDone() && !given.toCompletableFuture().isCancelled())
        .isFalse();
    cluster.take(two, TestCluster.allSlots());
    assertThat(get(call(stub(edge), 3))).isEqualTo(3);
  }

  /** Nobody has the object then, and its stub waits at the edge. */
  @Test
  void aStubOutlivesAnOwnerThatHasGivenItsObjectAndSaidHowFarItCame() throws Exception {
    Node edge = start("edge");
    Node one = owner("one");
    Node two = start("two");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    int slot = Slots.of(stub.id());
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    CompletionStage<Void> given = cluster.give(one, slot);
    recorder.open(2);
    TestCluster.awaitGiven(given);
    TestHost.await("an edge that hears that the object moves", () -> edge.foundWrong(slot));
    cluster.kill(one);
    ListenableFuture<CounterValue> after = call(stub, 4);
    cluster.take(two, TestCluster.allSlots());
    assertThat(get(held)).isEqualTo(2);
    assertThat(get(behind)).isEqualTo(3);
    assertThat(get(after)).isEqualTo(4);
    assertThat(recorder.of(stub.id().toString())).isEqualTo(upTo(4));
  }

  /** Its last words never come: whether the turn that it was in has run, nobody can tell. */
  @Test
  void aStubIsLostWhoseOwnerDiesBeforeItsEdgeHearsThatTheObjectIsGiven() throws Exception {
    Node edge = start("edge");
    Node one = owner("one");
    Node two = start("two");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    int slot = Slots.of(stub.id());
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    CompletionStage<Void> given = cluster.give(one, slot);
    one.wire().silence();
    recorder.open(2);
    TestCluster.awaitGiven(given);
    cluster.kill(one);
    assertThat(failure(held)).contains("[CONNECTION_LOST, call 2, UNKNOWN]");
    assertThat(failure(behind)).doesNotContain("COMPLETED");
    cluster.take(two, TestCluster.allSlots());
    assertThat(get(call(stub(edge), 4))).isEqualTo(4);
    assertThat(recorder.of(stub.id().toString())).containsExactly(1L, 2L, 4L).inOrder();
  }

  @Test
  void whatTheNextOwnerNeverGotGoesToTheOneBehindIt() throws Exception {
    Node edge = start("edge");
    Node one = owner("one");
    Node two = start("two");
    Node three = start("three");
    DurableObjectStub stub = stub(edge);
    assertThat(get(call(stub, 1))).isEqualTo(1);
    ListenableFuture<CounterValue> held = hold(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    Set<Integer> slot = Set.of(Slots.of(stub.id()));
    two.wire().cut();
    CompletableFuture<Void> moved = CompletableFuture.runAsync(() -> cluster.move(one, two, slot));
    recorder.open(2);
    moved.get(60, TimeUnit.SECONDS);
    ListenableFuture<CounterValue> after = call(stub, 4);
    cluster.kill(two);
    cluster.take(three, slot);
    assertThat(get(held)).isEqualTo(2);
    assertThat(get(behind)).isEqualTo(3);
    assertThat(get(after)).isEqualTo(4);
    assertThat(recorder.of(stub.id().toString())).isEqualTo(upTo(4));
  }
}
