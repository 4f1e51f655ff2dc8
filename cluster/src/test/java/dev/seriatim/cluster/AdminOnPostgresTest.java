package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.AdminGrpc.AdminBlockingStub;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.Namespace;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.CallOptions;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What people ask of a host that has no object itself: two others have them all, over one
 * PostgreSQL.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // Three hosts take some seconds to come up.
final class AdminOnPostgresTest {
  private static final ObjectName FOO =
      ObjectName.newBuilder().setNamespace("COUNTER").setName("foo").build();

  /** Counts in its storage. */
  private static final class Counter extends CounterGrpc.CounterImplBase implements AlarmHandler {
    private final DurableObjectStorage storage;

    private Counter(DurableObjectState state) {
      storage = state.storage();
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      long value = value().getValue() + request.getAmount();
      storage.put("value", CounterValue.newBuilder().setValue(value).build());
      get(GetRequest.getDefaultInstance(), reply);
    }

    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      reply.onNext(value());
      reply.onCompleted();
    }

    private CounterValue value() {
      return storage.get("value", CounterValue.getDefaultInstance());
    }

    @Override
    public void alarm(DueAlarm alarm) {
      storage.put("value", CounterValue.newBuilder().setValue(-1).build());
    }
  }

  private final List<DurableObjectHost> hosts = new ArrayList<>();
  private TestPostgres postgres;
  private ManagedChannel channel;
  private String one;
  private String two;

  /** Done when a host was told to shut down. */
  private final CountDownLatch drained = new CountDownLatch(1);

  @BeforeAll
  void open(@TempDir Path home) throws Exception {
    postgres = TestPostgres.start(home);
    one = host(1);
    two = host(1);
    host(0);
    channel =
        NettyChannelBuilder.forAddress(
                "127.0.0.1", hosts.getLast().port(), InsecureChannelCredentials.create())
            .build();
    // A slot that is still to move takes its objects' instances along.
    TestHost.await(
        "two hosts with half of the slots each",
        () -> slots(one) == Slots.COUNT / 2 && slots(two) == Slots.COUNT / 2);
  }

  @AfterAll
  void close() throws Exception {
    if (channel != null) {
      channel.shutdownNow();
    }
    hosts.forEach(DurableObjectHost::close);
    postgres.close();
  }

  private String host(int weight) throws Exception {
    DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), Counter::new)
            .storage(StorageOptions.postgres(postgres.url()))
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .cluster(SeriatimCluster.join(JoinOptions.at("127.0.0.1", 0).withWeight(weight)))
            .admin(drained::countDown)
            .build()
            .start();
    hosts.add(host);
    return "127.0.0.1:" + host.port();
  }

  private int slots(String host) {
    if (!admin().getHost(GetHostRequest.getDefaultInstance()).getHostsList().contains(host)) {
      return 0;
    }
    return admin().getHost(GetHostRequest.newBuilder().setHost(host).build()).getSlots();
  }

  /** The host that has nothing. */
  private AdminBlockingStub admin() {
    return AdminGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private void add(String name, long amount) {
    try (DurableObjectStub stub =
        DurableObjects.on(channel, ClientOptions.builder().build())
            .namespace("COUNTER")
            .getByName(name)) {
      var _ =
          CounterGrpc.newBlockingStub(stub.channel())
              .withDeadlineAfter(60, TimeUnit.SECONDS)
              .increment(IncrementRequest.newBuilder().setAmount(amount).build());
    }
  }

  private GetObjectResponse look() {
    return admin().getObject(GetObjectRequest.newBuilder().setObject(FOO).build());
  }

  private Entry value() {
    return admin()
        .listEntries(ListEntriesRequest.newBuilder().setObject(FOO).build())
        .getEntries(0);
  }

  @Test
  void aHostWithoutObjectsAnswersForAllOfThem() throws Exception {
    Set<String> names = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      add("object " + i, 1);
      names.add("object " + i);
    }
    Namespace counters =
        admin().listNamespaces(ListNamespacesRequest.getDefaultInstance()).getNamespaces(0);
    assertThat(counters.getLiveObjects()).isAtLeast(20);
    assertThat(counters.getStoredObjects()).isAtLeast(20);
    for (boolean live : new boolean[] {true, false}) {
      assertThat(
              admin()
                  .listObjects(
                      ListObjectsRequest.newBuilder()
                          .setLive(live)
                          .setNamePrefix("object ")
                          .build())
                  .getObjectsList()
                  .stream()
                  .filter(object -> object.getLive() && object.getStored())
                  .map(ObjectSummary::getName)
                  .toList())
          .containsExactlyElementsIn(names);
    }
    List<String> exported = new ArrayList<>();
    admin()
        .exportObjects(ExportObjectsRequest.newBuilder().setNamePrefix("object ").build())
        .forEachRemaining((ExportObjectsResponse each) -> exported.add(each.getPart().getName()));
    assertThat(exported).containsExactlyElementsIn(names);
  }

  @Test
  void itLooksAtAnObjectOfAnotherHostAndChangesIt() throws Exception {
    add("foo", 3);
    assertThat(look().getHost()).isAnyOf(one, two);
    assertThat(look().getLive().hasInstanceSince()).isTrue();
    assertThat(value().getType()).isEqualTo(CounterValue.getDescriptor().getFullName());
    assertThat(value().getText()).isEqualTo("{\"value\":\"3\"}");

    var _ =
        admin()
            .editEntries(
                EditEntriesRequest.newBuilder()
                    .setObject(FOO)
                    .addPuts(Put.newBuilder().setKey("z").setValue(ByteString.copyFromUtf8("v")))
                    .setSetAlarm(Timestamps.fromMillis(1L << 42))
                    .build());
    assertThat(look().getEntries()).isEqualTo(2);
    var _ = admin().runAlarm(RunAlarmRequest.newBuilder().setObject(FOO).build());
    assertThat(value().getText()).isEqualTo("{\"value\":\"-1\"}");
    assertThat(
            admin()
                .evictObject(EvictObjectRequest.newBuilder().setObject(FOO).build())
                .getEvicted())
        .isTrue();
    add("foo", 5);
    assertThat(value().getText()).isEqualTo("{\"value\":\"4\"}");
    assertThat(
            admin().resetObject(ResetObjectRequest.newBuilder().setObject(FOO).build()).getReset())
        .isTrue();
    assertThat(
            admin()
                .deleteObject(DeleteObjectRequest.newBuilder().setObject(FOO).build())
                .getDeleted())
        .isTrue();
    assertThat(
            admin()
                .listEntries(ListEntriesRequest.newBuilder().setObject(FOO).build())
                .getEntriesCount())
        .isEqualTo(0);
  }

  @Test
  void whatWasExportedIsImportedThroughAHostThatHasNothing() throws Exception {
    List<ObjectSnapshot> exported = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      add("moved " + i, i + 1);
    }
    ExportObjectsRequest moved = ExportObjectsRequest.newBuilder().setNamePrefix("moved ").build();
    admin().exportObjects(moved).forEachRemaining(each -> exported.add(each.getPart()));
    for (int i = 0; i < 15; i++) {
      var _ =
          admin()
              .deleteObject(
                  DeleteObjectRequest.newBuilder()
                      .setObject(FOO.toBuilder().setName("moved " + i))
                      .build());
    }
    var call =
        ClientCalls.blockingClientStreamingCall(
            channel,
            AdminGrpc.getImportObjectsMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS));
    call.write(
        ImportObjectsRequest.newBuilder()
            .setOptions(ImportOptions.newBuilder().setIfExists(IfExists.IF_EXISTS_SKIP))
            .build());
    for (ObjectSnapshot part : exported) {
      call.write(ImportObjectsRequest.newBuilder().setPart(part).build());
    }
    call.halfClose();
    assertThat(call.read())
        .isEqualTo(ImportObjectsResponse.newBuilder().setImported(15).setSkipped(5).build());
    List<ObjectSnapshot> again = new ArrayList<>();
    admin().exportObjects(moved).forEachRemaining(each -> again.add(each.getPart()));
    assertThat(again).containsExactlyElementsIn(exported);
  }

  @Test
  void aHostSaysForHowLongItOwnsItsObjects() {
    for (String host : List.of(one, two)) {
      Duration left =
          admin().getHost(GetHostRequest.newBuilder().setHost(host).build()).getLeaseLeft();
      assertThat(Durations.isPositive(left)).isTrue();
    }
  }

  @Test
  void itSaysWhatCannotBeHadInACluster() {
    assertThat(
            assertThrows(
                StatusRuntimeException.class,
                () -> admin().backup(BackupRequest.getDefaultInstance()).next()))
        .hasMessageThat()
        .startsWith("FAILED_PRECONDITION: jdbc:postgresql:");
    assertThat(
            assertThrows(
                StatusRuntimeException.class,
                () -> admin().getHost(GetHostRequest.newBuilder().setHost("nobody").build())))
        .hasMessageThat()
        .startsWith("NOT_FOUND: host 'nobody', expected one of 127.0.0.1:");
  }

  @Test
  void itTellsOfAnotherHostAndShutsItDown() throws Exception {
    assertThat(admin().getHost(GetHostRequest.newBuilder().setHost(two).build()).getHost())
        .isEqualTo(two);
    var _ = admin().drain(DrainRequest.newBuilder().setHost(two).build());
    assertThat(drained.await(60, TimeUnit.SECONDS)).isTrue();
  }
}
