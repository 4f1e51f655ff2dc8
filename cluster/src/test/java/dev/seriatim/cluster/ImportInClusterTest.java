package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.service.Access;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Any host of a cluster takes objects in, whichever has them. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ImportInClusterTest {
  private static final DurableObjectIds IDS = new DurableObjectIds("COUNTER");
  private static final Timestamp LATER = Timestamps.fromMillis(4_102_444_800_000L);

  private final TestCluster cluster = new TestCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  private static void objects(DurableObjectHost.Builder builder) {
    builder
        .namespace(
            "COUNTER",
            CounterGrpc.getServiceDescriptor(),
            _ -> new CounterGrpc.CounterImplBase() {})
        .admin();
  }

  private static ObjectSnapshot.Builder snapshot(String name) {
    return ObjectSnapshot.newBuilder()
        .setNamespace("COUNTER")
        .setName(name)
        .setId(IDS.fromName(name).toString());
  }

  private static Entry entry(String key, String value) {
    return Entry.newBuilder().setKey(key).setValue(ByteString.copyFromUtf8(value)).build();
  }

  private static ObjectSnapshot object(String name, String value) {
    return snapshot(name).addEntries(entry("k", value)).build();
  }

  /** A call that may wait for as long as a test. */
  private static BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> begin(
      Node node, IfExists ifExists) throws Exception {
    BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call =
        ClientCalls.blockingClientStreamingCall(
            node.channel(),
            AdminGrpc.getImportObjectsMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS));
    call.write(
        ImportObjectsRequest.newBuilder()
            .setOptions(ImportOptions.newBuilder().setIfExists(ifExists))
            .build());
    return call;
  }

  private static boolean send(
      BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call, ObjectSnapshot part)
      throws Exception {
    return call.write(ImportObjectsRequest.newBuilder().setPart(part).build());
  }

  private static ImportObjectsResponse end(
      BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call) throws Exception {
    call.halfClose();
    ImportObjectsResponse answer = call.read();
    if (answer == null) {
      throw new AssertionError("never came: the answer");
    }
    return answer;
  }

  private static ImportObjectsResponse load(
      Node node, IfExists ifExists, List<ObjectSnapshot> parts) throws Exception {
    var call = begin(node, ifExists);
    for (ObjectSnapshot part : parts) {
      if (!send(call, part)) {
        break;
      }
    }
    return end(call);
  }

  private static Status loadFails(Node node, IfExists ifExists, ObjectSnapshot... parts)
      throws Exception {
    try {
      throw new AssertionError("expected a failure, not " + load(node, ifExists, List.of(parts)));
    } catch (StatusException e) {
      return e.getStatus();
    }
  }

  /** What this host alone has stored. */
  private static List<ObjectSnapshot> stored(Node node) {
    List<ObjectSnapshot> parts = new ArrayList<>();
    AdminGrpc.newBlockingStub(node.channel())
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .exportObjects(ExportObjectsRequest.getDefaultInstance())
        .forEachRemaining(response -> parts.add(response.getPart()));
    return parts;
  }

  private static int slot(String name) {
    return Slots.of(IDS.fromName(name));
  }

  /** Every second slot is at one host, the others are at the other. */
  private void share(Node one, Node two) {
    Set<Integer> even = new HashSet<>(TestCluster.allSlots());
    even.removeIf(slot -> slot % 2 != 0);
    Set<Integer> odd = new HashSet<>(TestCluster.allSlots());
    odd.removeAll(even);
    cluster.take(one, even);
    cluster.take(two, odd);
  }

  @Test
  void objectsGoToTheHostsThatHaveThem() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    share(one, two);
    List<ObjectSnapshot> all = new ArrayList<>();
    for (int i = 0; i < 400; i++) { // More than may be on their way.
      ObjectSnapshot.Builder object = snapshot("object " + i).addEntries(entry("k", "v" + i));
      all.add(i % 3 == 0 ? object.setAlarm(LATER).build() : object.build());
    }
    DurableObjectId nameless = IDS.newUniqueId();
    all.add(
        ObjectSnapshot.newBuilder()
            .setNamespace("COUNTER")
            .setId(nameless.toString())
            .addEntries(entry("k", "v"))
            .build());

    ImportObjectsResponse answer = load(one, IfExists.IF_EXISTS_FAIL, all);
    assertThat(answer.getImported()).isEqualTo(401);
    assertThat(answer.getSkipped()).isEqualTo(0);
    for (Node node : List.of(one, two)) {
      assertThat(stored(node))
          .containsExactlyElementsIn(
              all.stream()
                  .filter(object -> cluster.owner(Slots.of(IDS.fromString(object.getId()))) == node)
                  .toList());
      assertThat(stored(node)).isNotEmpty();
    }

    all.add(object("one more", "v"));
    ImportObjectsResponse again = load(two, IfExists.IF_EXISTS_SKIP, all);
    assertThat(again.getImported()).isEqualTo(1);
    assertThat(again.getSkipped()).isEqualTo(401);
  }

  @Test
  void whatIsThereAtAnotherHostIsLeftOrReplacedOrEndsTheImport() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    ObjectSnapshot old = snapshot("a").addEntries(entry("old", "v")).setAlarm(LATER).build();
    ObjectSnapshot fresh = object("a", "new");
    assertThat(load(one, IfExists.IF_EXISTS_FAIL, List.of(old)).getImported()).isEqualTo(1);
    Status refused = loadFails(one, IfExists.IF_EXISTS_UNSPECIFIED, fresh);
    assertThat(refused.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
    assertThat(refused.getDescription())
        .isEqualTo("object COUNTER/a: it has stored something, expected nothing (if_exists)");
    assertThat(load(one, IfExists.IF_EXISTS_SKIP, List.of(fresh)).getSkipped()).isEqualTo(1);
    assertThat(stored(two)).containsExactly(old);
    assertThat(load(one, IfExists.IF_EXISTS_REPLACE, List.of(fresh)).getImported()).isEqualTo(1);
    assertThat(stored(two)).containsExactly(fresh);
    assertThat(stored(one)).isEmpty();
  }

  @Test
  void oneThatComesTwiceIsWrittenInTheOrderInWhichItCame() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    List<ObjectSnapshot> versions = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      versions.add(object("a", "version " + i));
      versions.add(object("b", "version " + i));
    }
    assertThat(load(one, IfExists.IF_EXISTS_REPLACE, versions).getImported()).isEqualTo(100);
    assertThat(stored(two)).containsExactly(object("a", "version 49"), object("b", "version 49"));
  }

  @Test
  void anObjectOfManyPartsIsWrittenWholeOrNotAtAll() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    String some = "x".repeat(600_000);
    List<ObjectSnapshot> parts = new ArrayList<>();
    ObjectSnapshot.Builder whole = snapshot("a");
    for (int i = 0; i < 40; i++) { // More than may be on their way, but for one object.
      String key = "%02d".formatted(i);
      whole.addEntries(entry(key, some));
      parts.add(snapshot("a").addEntries(entry(key, some)).setMore(i < 39).build());
    }
    Status early =
        loadFails(
            one, IfExists.IF_EXISTS_FAIL, parts.subList(0, 39).toArray(ObjectSnapshot[]::new));
    assertThat(early.getDescription())
        .isEqualTo("the call ended in the middle of object COUNTER/a, expected its last part");
    assertThat(stored(two)).isEmpty();

    assertThat(load(one, IfExists.IF_EXISTS_FAIL, parts).getImported()).isEqualTo(1);
    ObjectSnapshot.Builder there = snapshot("a");
    stored(two).forEach(part -> there.addAllEntries(part.getEntriesList()));
    assertThat(there.build()).isEqualTo(whole.build());
  }

  @Test
  void whatNobodyCouldOpenIsRefusedWhereItComesIn() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    Status wrong =
        loadFails(
            one,
            IfExists.IF_EXISTS_FAIL,
            snapshot("a").setId(IDS.fromName("b").toString()).build());
    assertThat(wrong.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(wrong.getDescription()).startsWith("object COUNTER/a has id ");
    Status key =
        loadFails(
            one,
            IfExists.IF_EXISTS_FAIL,
            snapshot("a").addEntries(entry("k".repeat(3_000), "v")).build());
    assertThat(key.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(key.getDescription()).startsWith("object COUNTER/a: ");
    assertThat(key.getDescription()).doesNotContain("object COUNTER/a: object");
    assertThat(stored(two)).isEmpty();
  }

  @Test
  void whatCameBeforeAnObjectThatIsRefusedIsWritten() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    share(one, two);
    List<ObjectSnapshot> before = new ArrayList<>();
    for (int i = 0; i < 200; i++) { // So many may be on their way.
      before.add(object("object " + i, "v"));
    }
    List<ObjectSnapshot> all = new ArrayList<>(before);
    all.add(snapshot("a").setId(IDS.fromName("b").toString()).build());
    Status refused = loadFails(one, IfExists.IF_EXISTS_FAIL, all.toArray(ObjectSnapshot[]::new));
    assertThat(refused.getDescription()).startsWith("object COUNTER/a has id ");
    List<ObjectSnapshot> stored = new ArrayList<>(stored(one));
    stored.addAll(stored(two));
    assertThat(stored).containsExactlyElementsIn(before);

    before.add(snapshot("c").setMore(true).build());
    Status early = loadFails(one, IfExists.IF_EXISTS_FAIL, before.toArray(ObjectSnapshot[]::new));
    assertWithMessage("of what failed, the first is told: %s", early)
        .that(early.getCode())
        .isEqualTo(Status.Code.ALREADY_EXISTS);
  }

  @Test
  void anObjectThatMovesIsWrittenAtItsNewHost() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    Node three = cluster.start("three", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    var call = begin(one, IfExists.IF_EXISTS_FAIL);
    assertThat(send(call, snapshot("a").addEntries(entry("k", "v")).setMore(true).build()))
        .isTrue();
    cluster.move(two, three, Set.of(slot("a")));
    assertThat(send(call, snapshot("a").addEntries(entry("l", "w")).build())).isTrue();
    assertThat(end(call).getImported()).isEqualTo(1);
    assertThat(stored(three))
        .containsExactly(
            snapshot("a").addEntries(entry("k", "v")).addEntries(entry("l", "w")).build());
    assertThat(stored(two)).isEmpty();
  }

  @Test
  void aHostThatIsToldWrongSaysSoAndTheNextOneIsFound() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    Node three = cluster.start("three", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    cluster.moveUnseenBy(one, two, three, Set.of(slot("a")));
    assertThat(load(one, IfExists.IF_EXISTS_FAIL, List.of(object("a", "v"))).getImported())
        .isEqualTo(1);
    assertThat(stored(three)).containsExactly(object("a", "v"));
    assertThat(stored(two)).isEmpty();
  }

  @Test
  void aHostThatCannotBeReachedIsNamedWithTheObject() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    Set<Integer> ofTwo = Set.of(slot("a"));
    Set<Integer> ofOne = new HashSet<>(TestCluster.allSlots());
    ofOne.removeAll(ofTwo);
    cluster.take(two, ofTwo);
    cluster.take(one, ofOne);
    two.wire().cut();
    Status refused =
        loadFails(one, IfExists.IF_EXISTS_FAIL, object("before", "v"), object("a", "v"));
    assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refused.getDescription())
        .startsWith("object COUNTER/a: the host " + two.wire().address() + " is not available: ");
    assertThat(stored(one)).containsExactly(object("before", "v"));
    two.wire().mend();
    ImportObjectsResponse again = loadWhenReached(one, object("before", "v"), object("a", "v"));
    assertThat(again.getImported()).isEqualTo(1);
    assertThat(again.getSkipped()).isEqualTo(1);
  }

  /** Tries it again for as long as a host can't be reached. */
  private static ImportObjectsResponse loadWhenReached(Node node, ObjectSnapshot... parts)
      throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try {
        return load(node, IfExists.IF_EXISTS_SKIP, List.of(parts));
      } catch (StatusException e) {
        if (e.getStatus().getCode() != Status.Code.UNAVAILABLE) {
          throw e;
        }
        assertWithMessage("never came: the connection to the other host")
            .that(System.nanoTime() - end)
            .isLessThan(0);
      }
    }
  }

  @Test
  void aClientIsReadNoFasterThanTheOtherHostTakesIt() throws Exception {
    Node one = cluster.start("one", ImportInClusterTest::objects);
    Node two = cluster.start("two", ImportInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    assertThat(load(one, IfExists.IF_EXISTS_FAIL, List.of(object("first", "v"))).getImported())
        .isEqualTo(1); // They are connected.
    two.wire().silence();
    Entry large =
        Entry.newBuilder().setKey("k").setValue(ByteString.copyFrom(new byte[1 << 20])).build();
    var call = begin(one, IfExists.IF_EXISTS_FAIL);
    int sent = 0;
    try {
      while (sent < 200
          && call.write(
              ImportObjectsRequest.newBuilder()
                  .setPart(snapshot("large " + sent).addEntries(large))
                  .build(),
              2,
              TimeUnit.SECONDS)) {
        sent++;
      }
    } catch (TimeoutException e) {
      assertWithMessage("objects of 1 MiB that were taken").that(sent).isGreaterThan(0);
    }
    // 16 MiB, and what fits between a client and a host.
    assertWithMessage("objects of 1 MiB that were taken").that(sent).isLessThan(40);
    two.wire().speak();
    assertThat(end(call).getImported()).isEqualTo(sent);
  }

  /** Only Olga may edit. */
  private static final class OlgaAlone implements Authorizer {
    private final Set<String> asked = ConcurrentHashMap.newKeySet();

    @Override
    public Access access(
        Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
      return Access.all();
    }

    @Override
    public Set<AdminRight> adminRights(Caller caller) {
      asked.add(caller.name());
      return caller.name().equals("olga")
          ? EnumSet.allOf(AdminRight.class)
          : EnumSet.noneOf(AdminRight.class);
    }
  }

  @Test
  void onlyTheHostThatIsCalledAsksWhatTheCallerMayDo() throws Exception {
    OlgaAlone ofOne = new OlgaAlone();
    OlgaAlone ofTwo = new OlgaAlone();
    Authenticator olga =
        _ ->
            Optional.of(
                new Authenticator.Verified(
                    Caller.ofToken("olga", Set.of(), Map.of()), Optional.empty()));
    Node one =
        cluster.start(
            "one",
            builder -> {
              objects(builder);
              builder.authenticator(olga).authorizer(ofOne);
            });
    Node two =
        cluster.start(
            "two",
            builder -> {
              objects(builder);
              builder.authenticator(_ -> Optional.empty()).authorizer(ofTwo);
            });
    cluster.take(two, TestCluster.allSlots());
    assertThat(load(one, IfExists.IF_EXISTS_FAIL, List.of(object("a", "v"))).getImported())
        .isEqualTo(1);
    assertThat(ofOne.asked).containsExactly("olga");
    assertThat(ofTwo.asked).isEmpty();
  }
}
