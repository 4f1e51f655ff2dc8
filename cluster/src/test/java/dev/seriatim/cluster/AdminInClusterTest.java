package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.Condition;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetHostResponse;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.service.Access;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Credentials;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Any host of a cluster answers people for all of them. */
final class AdminInClusterTest {
  private static final ObjectName A =
      ObjectName.newBuilder().setNamespace("COUNTER").setName("a").build();

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final TestCluster cluster = new TestCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  /** An object that answers, and whose alarm does nothing. */
  private static final class Silent extends CounterGrpc.CounterImplBase implements AlarmHandler {
    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      reply.onNext(CounterValue.getDefaultInstance());
      reply.onCompleted();
    }

    @Override
    public void alarm(DueAlarm alarm) {}
  }

  private static void objects(DurableObjectHost.Builder builder) {
    builder.namespace("COUNTER", CounterGrpc.getServiceDescriptor(), _ -> new Silent()).admin();
  }

  private static AdminGrpc.AdminBlockingStub admin(Node node) {
    return AdminGrpc.newBlockingStub(node.channel()).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private static EditEntriesRequest.Builder edit() {
    return EditEntriesRequest.newBuilder()
        .setObject(A)
        .addPuts(Put.newBuilder().setKey("k").setValue(ByteString.copyFromUtf8("v")));
  }

  private static GetObjectResponse look(Node node) {
    return admin(node).getObject(GetObjectRequest.newBuilder().setObject(A).build());
  }

  private static DurableObjectNamespace counters(Node node) {
    return DurableObjects.on(node.channel(), ClientOptions.builder().build())
        .namespace("COUNTER", "COUNTER");
  }

  private static void call(DurableObjectNamespace namespace, String name) {
    try (DurableObjectStub stub = namespace.getByName(name)) {
      var _ = CounterGrpc.newBlockingStub(stub.channel()).get(GetRequest.getDefaultInstance());
    }
  }

  private static StatusRuntimeException refused(Executable call) {
    return assertThrows(StatusRuntimeException.class, call);
  }

  @Test
  void whatAnotherHostHasIsChangedThroughAnyHost() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    AdminGrpc.AdminBlockingStub other = admin(one);

    var _ = other.editEntries(edit().setSetAlarm(Timestamps.fromMillis(1L << 42)).build());
    GetObjectResponse stored = look(one);
    assertThat(stored.getEntries()).isEqualTo(1);
    assertThat(stored.getHost()).isEqualTo(two.wire().address());
    assertThat(stored).isEqualTo(look(two));

    EditEntriesRequest unfit = edit().addConditions(Condition.newBuilder().setKey("k")).build();
    assertThat(refused(() -> other.editEntries(unfit)).getStatus().getCode())
        .isEqualTo(Status.Code.ABORTED);

    var _ = other.runAlarm(RunAlarmRequest.newBuilder().setObject(A).build());
    assertThat(
            refused(() -> other.runAlarm(RunAlarmRequest.newBuilder().setObject(A).build()))
                .getStatus()
                .getCode())
        .isEqualTo(Status.Code.FAILED_PRECONDITION);

    call(counters(one), "a");
    assertThat(look(one).getLive().hasInstanceSince()).isTrue();
    assertThat(other.evictObject(EvictObjectRequest.newBuilder().setObject(A).build()).getEvicted())
        .isTrue();
    call(counters(one), "a");
    assertThat(other.resetObject(ResetObjectRequest.newBuilder().setObject(A).build()).getReset())
        .isTrue();
    assertThat(
            other.deleteObject(DeleteObjectRequest.newBuilder().setObject(A).build()).getDeleted())
        .isTrue();
    assertThat(refused(() -> look(one)).getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void anObjectThatMovesIsFoundAtItsNewHost() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    Node three = cluster.start("three", AdminInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    var _ = admin(one).editEntries(edit().build());
    cluster.move(two, three, Set.of(Slots.of(counters(one).getByName("a").id())));
    var _ = admin(one).editEntries(edit().build());
    assertThat(look(one).getHost()).isEqualTo(three.wire().address());
  }

  @Test
  void aHostThatCannotBeReachedIsNamed() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    two.wire().cut();
    AdminGrpc.AdminBlockingStub other = admin(one);
    for (Executable call :
        List.<Executable>of(
            () -> other.editEntries(edit().build()),
            () -> other.deleteObject(DeleteObjectRequest.newBuilder().setObject(A).build()),
            () -> other.runAlarm(RunAlarmRequest.newBuilder().setObject(A).build()),
            () -> other.evictObject(EvictObjectRequest.newBuilder().setObject(A).build()),
            () -> other.resetObject(ResetObjectRequest.newBuilder().setObject(A).build()),
            () -> other.getObject(GetObjectRequest.newBuilder().setObject(A).build()),
            () -> other.listObjects(ListObjectsRequest.getDefaultInstance()),
            () -> other.listNamespaces(ListNamespacesRequest.getDefaultInstance()),
            () -> other.getHost(GetHostRequest.newBuilder().setHost(two.wire().address()).build()),
            () -> other.tail(TailRequest.getDefaultInstance()).next())) {
      StatusRuntimeException refused = refused(call);
      assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(refused)
          .hasMessageThat()
          .startsWith("UNAVAILABLE: the host " + two.wire().address() + " is not available: ");
    }
    // What is stored needs nobody else.
    assertThat(other.getHost(GetHostRequest.getDefaultInstance()).getHostsList())
        .containsExactly(one.wire().address(), two.wire().address());
  }

  @Test
  void liveObjectsOfAllHostsAreListedInOrder() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    Set<Integer> even = new HashSet<>(TestCluster.allSlots());
    even.removeIf(slot -> slot % 2 != 0);
    Set<Integer> odd = new HashSet<>(TestCluster.allSlots());
    odd.removeAll(even);
    cluster.take(one, even);
    cluster.take(two, odd);
    TreeSet<String> names = new TreeSet<>();
    DurableObjectNamespace namespace = counters(one);
    for (int i = 0; i < 40; i++) {
      String name = "object %02d".formatted(i);
      call(namespace, name);
      names.add(name);
    }
    for (boolean live : new boolean[] {true, false}) {
      for (Node node : List.of(one, two)) {
        assertThat(listed(node, live, 7)).containsExactlyElementsIn(names).inOrder();
      }
    }
    assertThat(
            admin(two)
                .listNamespaces(ListNamespacesRequest.getDefaultInstance())
                .getNamespaces(0)
                .getLiveObjects())
        .isEqualTo(40);
  }

  private static List<String> listed(Node node, boolean live, int page) {
    List<String> names = new ArrayList<>();
    String token = "";
    do {
      ListObjectsResponse response =
          admin(node)
              .listObjects(
                  ListObjectsRequest.newBuilder()
                      .setLive(live)
                      .setPageSize(page)
                      .setPageToken(token)
                      .build());
      for (ObjectSummary object : response.getObjectsList()) {
        assertWithMessage("live: %s", object.getName()).that(object.getLive()).isTrue();
        names.add(object.getName());
      }
      token = response.getNextPageToken();
    } while (!token.isEmpty());
    return names;
  }

  @Test
  void tailShowsWhatHappensAtAllHosts() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    Set<Integer> ofTwo = Set.of(Slots.of(counters(one).getByName("a").id()));
    Set<Integer> ofOne = new HashSet<>(TestCluster.allSlots());
    ofOne.removeAll(ofTwo);
    cluster.take(two, ofTwo);
    cluster.take(one, ofOne);
    Iterator<TailResponse> tail = admin(one).tail(TailRequest.getDefaultInstance());
    CountDownLatch seen = new CountDownLatch(1);
    Thread calling =
        Thread.ofPlatform()
            .start(
                () -> { // It isn't said since when one follows.
                  while (seen.getCount() > 0) {
                    call(counters(one), "a");
                    call(counters(one), "b");
                  }
                });
    try {
      Set<String> names = new HashSet<>();
      while (!names.containsAll(Set.of("a", "b"))) {
        names.add(tail.next().getName());
      }
    } finally {
      seen.countDown();
      join(calling);
    }
  }

  private static void join(Thread thread) {
    try {
      if (!thread.join(Duration.ofSeconds(60))) {
        throw new AssertionError("never came: the end of the calls");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  @Test
  void anyHostOfTheClusterTellsOfAnotherAndDrainsIt() {
    CountDownLatch drained = new CountDownLatch(1);
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two =
        cluster.start(
            "two",
            builder -> {
              objects(builder);
              builder.admin(drained::countDown);
            });
    GetHostResponse own = admin(one).getHost(GetHostRequest.getDefaultInstance());
    assertThat(own.getHost()).isEqualTo(one.wire().address());
    assertThat(own.getHostsList()).containsExactly(one.wire().address(), two.wire().address());
    GetHostRequest ofTwo = GetHostRequest.newBuilder().setHost(two.wire().address()).build();
    assertThat(admin(one).getHost(ofTwo).getHost()).isEqualTo(two.wire().address());

    StatusRuntimeException unknown =
        refused(() -> admin(one).drain(DrainRequest.newBuilder().setHost("nobody").build()));
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    var _ = admin(one).drain(DrainRequest.newBuilder().setHost(two.wire().address()).build());
    try {
      assertWithMessage("never came: the end of the other host")
          .that(drained.await(60, TimeUnit.SECONDS))
          .isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Only Olga may look, and only she may edit. */
  private static final class OlgaAlone implements Authorizer {
    @Override
    public Access access(
        Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
      return Access.all();
    }

    @Override
    public Set<AdminRight> adminRights(Caller caller) {
      return caller.name().equals("olga")
          ? EnumSet.allOf(AdminRight.class)
          : EnumSet.noneOf(AdminRight.class);
    }
  }

  private static void guarded(DurableObjectHost.Builder builder) {
    objects(builder);
    builder.authenticator(AdminInClusterTest::byName).authorizer(new OlgaAlone());
  }

  private static Optional<Authenticator.Verified> byName(Credentials credentials) {
    return Optional.ofNullable(credentials.headers().get(AUTHORIZATION))
        .map(
            name ->
                new Authenticator.Verified(
                    Caller.ofToken(name, Set.of(), Map.of()), Optional.empty()));
  }

  private static AdminGrpc.AdminBlockingStub admin(Node node, Metadata headers) {
    return AdminGrpc.newBlockingStub(
            ClientInterceptors.intercept(
                node.channel(), MetadataUtils.newAttachHeadersInterceptor(headers)))
        .withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  @Test
  void theHostThatIsCalledAsksWhatTheCallerMayDo() {
    Node one = cluster.start("one", AdminInClusterTest::guarded);
    Node two = cluster.start("two", AdminInClusterTest::guarded);
    cluster.take(two, TestCluster.allSlots());
    for (String name : List.of("olga", "mallory")) {
      Metadata headers = new Metadata();
      headers.put(AUTHORIZATION, name);
      Executable call = () -> admin(one, headers).editEntries(edit().build());
      if (name.equals("olga")) {
        assertSucceeds(call);
      } else {
        assertThat(refused(call).getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
      }
    }
  }

  private static void assertSucceeds(Executable call) {
    try {
      call.execute();
    } catch (Throwable thrown) {
      throw new AssertionError("expected no failure", thrown);
    }
  }

  @Test
  void nobodyPassesForAHostWithoutItsToken() {
    Node two = cluster.start("two", AdminInClusterTest::guarded);
    cluster.take(two, TestCluster.allSlots());
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("seriatim-peer", Metadata.ASCII_STRING_MARSHALLER), "guessed");
    headers.put(AUTHORIZATION, "olga");
    assertThat(refused(() -> admin(two, headers).editEntries(edit().build())).getStatus().getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    Metadata told = new Metadata();
    told.put(
        Metadata.Key.of("seriatim-caller-bin", Metadata.BINARY_BYTE_MARSHALLER),
        new byte[] {18, 4, 'o', 'l', 'g', 'a'});
    assertThat(refused(() -> admin(two, told).editEntries(edit().build())).getStatus().getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
  }
}
