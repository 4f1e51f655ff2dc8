package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.cluster.CounterCalls.call;
import static dev.seriatim.cluster.CounterCalls.failure;
import static dev.seriatim.cluster.CounterCalls.get;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.InvocationTracer;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Any host takes a stub for any object, and stubs go along with objects that move. */
final class EdgeTest {
  private final TestCluster cluster = new TestCluster();
  private final Recorder recorder = new Recorder();

  @AfterEach
  void close() {
    cluster.close();
  }

  private static ClientOptions options(boolean lanes) {
    return lanes ? ClientOptions.builder().sharedCalls(1).build() : ClientOptions.builder().build();
  }

  private static void finish(List<ListenableFuture<CounterValue>> answers) throws Exception {
    for (int i = 0; i < answers.size(); i++) {
      assertWithMessage("answer %s", i).that(get(answers.get(i))).isEqualTo(i + 1);
    }
  }

  private static List<Long> upTo(int count) {
    List<Long> all = new ArrayList<>();
    for (long i = 1; i <= count; i++) {
      all.add(i);
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aStubReachesAnObjectAtAnotherHost(boolean lanes) throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    DurableObjectStub stub =
        edge.client(options(lanes)).namespace("RECORDER").getByName("somebody");
    List<ListenableFuture<CounterValue>> answers = new ArrayList<>();
    for (int i = 1; i <= 5_000; i++) {
      answers.add(call(stub, i));
    }
    finish(answers);
    assertThat(recorder.of(stub.id().toString())).isEqualTo(upTo(5_000));
    long where =
        stub.call(CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance())
            .get(60, TimeUnit.SECONDS)
            .getValue();
    assertThat((char) where).isEqualTo('o');
    stub.close();
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aFailureBreaksAStubThatIsPassedOn(boolean lanes) throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    DurableObjectStub stub =
        edge.client(options(lanes)).namespace("RECORDER").getByName("somebody");
    ListenableFuture<CounterValue> first = call(stub, 1);
    ListenableFuture<CounterValue> second = call(stub, -1);
    ListenableFuture<CounterValue> third = call(stub, 3);
    assertThat(get(first)).isEqualTo(1);
    assertThat(failure(second)).contains("below zero [OBJECT_EXCEPTION, call 2");
    assertThat(failure(third)).contains("call 3 behind 2, NOT_EXECUTED]");
    assertThat(recorder.of(stub.id().toString())).isEqualTo(upTo(1));
  }

  /** What leads to another host isn't the call's in which it was needed first. */
  @Test
  void aStubDoesNotEndWithAnotherOnTheSameTrunk() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node owner = cluster.start("owner", recorder.on("owner"));
    cluster.take(owner, TestCluster.allSlots());
    DurableObjects client = edge.client(options(false));
    DurableObjectStub first = client.namespace("RECORDER").getByName("somebody");
    DurableObjectStub second = client.namespace("RECORDER").getByName("somebody");
    assertThat(get(call(first, 1))).isEqualTo(1);
    assertThat(get(call(second, 2))).isEqualTo(2);
    first.close();
    assertThat(first.awaitEnd(Duration.ofSeconds(60))).isTrue();
    for (int i = 3; i <= 100; i++) {
      assertThat(get(call(second, i))).isEqualTo(i);
    }
    assertThat(recorder.of(second.id().toString())).isEqualTo(upTo(100));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noStubBreaksWhoseObjectMovesAgainAndAgain(boolean lanes) throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node one = cluster.start("one", recorder.on("one"));
    Node two = cluster.start("two", recorder.on("two"));
    cluster.take(one, TestCluster.allSlots());
    List<DurableObjectStub> stubs = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Node entry = i % 2 == 0 ? edge : one;
      stubs.add(entry.client(options(lanes)).namespace("RECORDER").getByName("object " + i));
    }
    Set<Integer> slots = new java.util.HashSet<>();
    stubs.forEach(stub -> slots.add(Slots.of(stub.id())));
    List<List<ListenableFuture<CounterValue>>> answers = new ArrayList<>();
    stubs.forEach(_ -> answers.add(new ArrayList<>()));
    Random random = new Random(1);
    int calls = 0;
    for (int round = 0; round < 12; round++) {
      for (int n = 0; n < 200; n++) {
        calls++;
        for (int i = 0; i < stubs.size(); i++) {
          answers.get(i).add(call(stubs.get(i), calls));
        }
      }
      for (int slot : slots) {
        Node from = cluster.owner(slot);
        Node to = List.of(edge, one, two).get(random.nextInt(3));
        if (from != to) {
          cluster.move(from, to, Set.of(slot));
        }
      }
    }
    for (int i = 0; i < stubs.size(); i++) {
      finish(answers.get(i));
      assertThat(recorder.of(stubs.get(i).id().toString())).isEqualTo(upTo(calls));
      assertThat(stubs.get(i).isBroken()).isFalse();
    }
  }

  @Test
  void aTurnThatOutlastsTheMoveIsCutOffAndItsStubIsTold() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node one =
        cluster.start(
            "one", recorder.on("one"), options -> options.withHandOffLimit(Duration.ofMillis(200)));
    Node two = cluster.start("two", recorder.on("two"));
    cluster.take(one, TestCluster.allSlots());
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(get(call(stub, 1))).isEqualTo(1);
    recorder.hold(2);
    ListenableFuture<CounterValue> held = call(stub, 2);
    ListenableFuture<CounterValue> behind = call(stub, 3);
    assertThat(recorder.arrived(2).await(60, TimeUnit.SECONDS)).isTrue();
    cluster.move(one, two, Set.of(Slots.of(stub.id())));
    assertThat(failure(held)).contains("[OBJECT_MOVED, call 2");
    assertThat(failure(behind)).contains("call 3 behind 2, NOT_EXECUTED]");
    assertThat(recorder.of(stub.id().toString())).isEqualTo(upTo(1));
  }

  /** A host may count what it has told a moment after its client has heard of it. */
  private static void awaitOneBroken(Node edge, String reason) throws Exception {
    TestHost.await(
        "the count of a stub that is broken with " + reason,
        () -> edge.host().statistics().namespaces().getFirst().stubsBroken(reason) == 1);
  }

  @Test
  void aLostOwnerLeavesUnknownWhatWasSent() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node one = cluster.start("one", recorder.on("one"));
    Node two = cluster.start("two", recorder.on("two"));
    cluster.take(one, TestCluster.allSlots());
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(get(call(stub, 1))).isEqualTo(1);
    recorder.hold(2);
    ListenableFuture<CounterValue> held = call(stub, 2);
    assertThat(recorder.arrived(2).await(60, TimeUnit.SECONDS)).isTrue();
    cluster.kill(one);
    recorder.open(2);
    assertThat(failure(held)).contains("UNKNOWN]");
    awaitOneBroken(edge, "OWNER_LOST");
    DurableObjectStub next =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    ListenableFuture<CounterValue> waits = call(next, 4);
    cluster.take(two, TestCluster.allSlots());
    assertThat(get(waits)).isEqualTo(4);
  }

  @Test
  void aTrunkThatIsResetLeavesUnknownWhatWasSentAndNewStubsWorkAtOnce() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node one = cluster.start("one", recorder.on("one"));
    cluster.take(one, TestCluster.allSlots());
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(get(call(stub, 1))).isEqualTo(1);
    recorder.hold(2);
    ListenableFuture<CounterValue> held = call(stub, 2);
    assertThat(recorder.arrived(2).await(60, TimeUnit.SECONDS)).isTrue();
    one.wire().reset();
    assertThat(failure(held)).contains("UNKNOWN]");
    recorder.open(2);
    DurableObjectStub next =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(get(call(next, 3))).isEqualTo(3);
  }

  @Test
  void whatNeverLeftIsSentWhenTheWayIsFreeAgain() throws Exception {
    Node edge = cluster.start("edge", recorder.on("edge"));
    Node one = cluster.start("one", recorder.on("one"));
    cluster.take(one, TestCluster.allSlots());
    one.wire().cut();
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    ListenableFuture<CounterValue> waits = call(stub, 1);
    one.wire().mend();
    assertThat(get(waits)).isEqualTo(1);
  }

  @Test
  void aStubBreaksWhoseOwnerCanNotBeReached() throws Exception {
    Node edge =
        cluster.start(
            "edge",
            recorder.on("edge"),
            options -> options.withRoutingPatience(Duration.ofMillis(300)));
    Node one = cluster.start("one", recorder.on("one"));
    cluster.take(one, TestCluster.allSlots());
    one.wire().cut();
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(failure(call(stub, 1)))
        .contains("no host had the object within 300 ms [OWNER_UNAVAILABLE");
  }

  @Test
  void aStubBreaksWhoseObjectNoHostHas() throws Exception {
    Node edge =
        cluster.start(
            "edge",
            recorder.on("edge"),
            options -> options.withRoutingPatience(Duration.ofMillis(200)));
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    assertThat(failure(call(stub, 1)))
        .contains("no host had the object within 200 ms [OWNER_UNAVAILABLE");
    awaitOneBroken(edge, "OWNER_UNAVAILABLE");
  }

  /** Tells what it is told. */
  private static final class Telling implements InvocationTracer {
    private final List<String> told = new CopyOnWriteArrayList<>();

    @Override
    public Trace begin(Arrival arrival) {
      told.add(arrival.namespace() + " " + arrival.method() + " " + arrival.sequence());
      return new Trace() {
        @Override
        public Context enter(Context context) {
          return context;
        }

        @Override
        public void leave() {}

        @Override
        public void durable() {
          told.add("durable");
        }

        @Override
        public void failed(String reason, Status status) {
          told.add(reason + " " + status.getCode());
        }
      };
    }

    @Override
    public Map<String, String> outgoing() {
      return Map.of();
    }
  }

  @Test
  void whoFollowsAnInvocationLearnsThatNoHostHadItsObject() throws Exception {
    Telling telling = new Telling();
    Node edge =
        cluster.start(
            "edge",
            builder -> {
              recorder.on("edge").accept(builder);
              builder.tracer(telling);
            },
            options -> options.withRoutingPatience(Duration.ofMillis(200)));
    DurableObjectStub stub =
        edge.client(options(false)).namespace("RECORDER").getByName("somebody");
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    ListenableFuture<CounterValue> unfollowed = call(stub, 1);
    ListenableFuture<CounterValue> followed =
        CounterGrpc.newFutureStub(stub.channel())
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .increment(IncrementRequest.newBuilder().setAmount(2).build());
    assertThat(failure(unfollowed)).contains("OWNER_UNAVAILABLE");
    assertThat(failure(followed)).contains("OWNER_UNAVAILABLE");
    TestHost.await("the end of what is followed", () -> telling.told.size() == 2);
    assertThat(telling.told)
        .containsExactly(
            "RECORDER seriatim.examples.v1.Counter/Increment 2", "OWNER_UNAVAILABLE UNAVAILABLE")
        .inOrder();
  }
}
