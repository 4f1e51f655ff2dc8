package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.Condition;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetHostResponse;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.LastBreak;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.Namespace;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The admin service as its clients see it: who may call what, and what is done to one object. */
final class AdminServiceTest {
  private static final ByteString VALUE = ByteString.copyFromUtf8("value");
  private static final ObjectName A =
      ObjectName.newBuilder().setNamespace(TestHost.PROBE).setName("a").build();

  private final AtomicInteger drains = new AtomicInteger();

  @TempDir Path directory;

  /** Where objects are kept. */
  enum Store {
    MEMORY,
    SQLITE
  }

  private final class Host implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;

    Host(Store store, DurableObjectFactory factory) throws Exception {
      String name = InProcessServerBuilder.generateName();
      host =
          DurableObjectHost.builder()
              .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory)
              .storage(
                  (store == Store.MEMORY
                          ? StorageOptions.memory()
                          : StorageOptions.sqlite(directory))
                      // It stands still: what is to be tried again later isn't, by itself.
                      .withClock(new CallerHost.Clock()))
              .server(InProcessServerBuilder.forName(name))
              .program("1.2.3", "abc")
              .admin(drains::incrementAndGet)
              .build()
              .start();
      channel = InProcessChannelBuilder.forName(name).build();
    }

    TestStub stub() {
      return new TestStub(channel, TestHost.byName("a"), Integer.MAX_VALUE);
    }

    AdminGrpc.AdminBlockingStub admin() {
      return blocking(channel);
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  private static AdminGrpc.AdminBlockingStub blocking(Channel channel) {
    return AdminGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private static Status.Code code(Runnable call) {
    try {
      call.run();
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  private static StatusRuntimeException failure(Runnable call) {
    return assertThrows(StatusRuntimeException.class, call::run);
  }

  private static EditEntriesRequest.Builder put(String key) {
    return EditEntriesRequest.newBuilder()
        .setObject(A)
        .addPuts(Put.newBuilder().setKey(key).setValue(VALUE));
  }

  // ---- who may what

  private static Map<String, Consumer<AdminGrpc.AdminBlockingStub>> methods() {
    Map<String, Consumer<AdminGrpc.AdminBlockingStub>> calls = new LinkedHashMap<>();
    calls.put("read GetHost", admin -> admin.getHost(GetHostRequest.getDefaultInstance()));
    calls.put(
        "read ListNamespaces",
        admin -> admin.listNamespaces(ListNamespacesRequest.getDefaultInstance()));
    calls.put(
        "read ListObjects", admin -> admin.listObjects(ListObjectsRequest.getDefaultInstance()));
    calls.put(
        "read GetObject",
        admin -> admin.getObject(GetObjectRequest.newBuilder().setObject(A).build()));
    calls.put(
        "read Tail",
        admin ->
            admin
                .tail(TailRequest.newBuilder().setNamespace("NONE").build())
                .forEachRemaining(_ -> {}));
    calls.put(
        "data ListEntries",
        admin -> admin.listEntries(ListEntriesRequest.newBuilder().setObject(A).build()));
    calls.put(
        "data ExportObjects",
        admin ->
            admin
                .exportObjects(ExportObjectsRequest.getDefaultInstance())
                .forEachRemaining(_ -> {}));
    calls.put(
        "read data Tail",
        admin ->
            admin
                .tail(TailRequest.newBuilder().setNamespace("NONE").setPayloads(true).build())
                .forEachRemaining(_ -> {}));
    calls.put(
        "edit EditEntries",
        admin -> admin.editEntries(EditEntriesRequest.newBuilder().setObject(A).build()));
    calls.put(
        "edit DeleteObject",
        admin -> admin.deleteObject(DeleteObjectRequest.newBuilder().setObject(A).build()));
    calls.put(
        "control RunAlarm",
        admin -> admin.runAlarm(RunAlarmRequest.newBuilder().setObject(A).build()));
    calls.put(
        "control EvictObject",
        admin -> admin.evictObject(EvictObjectRequest.newBuilder().setObject(A).build()));
    calls.put(
        "control ResetObject",
        admin -> admin.resetObject(ResetObjectRequest.newBuilder().setObject(A).build()));
    calls.put(
        "control data Backup",
        admin -> admin.backup(BackupRequest.getDefaultInstance()).forEachRemaining(_ -> {}));
    calls.put("control Drain", admin -> admin.drain(DrainRequest.getDefaultInstance()));
    return calls;
  }

  /** Those that the caller's name names. */
  private static Set<AdminRight> rightsByName(Caller caller) {
    EnumSet<AdminRight> rights = EnumSet.noneOf(AdminRight.class);
    if (!caller.name().equals("nobody")) {
      for (String right : caller.name().split("-", -1)) {
        rights.add(AdminRight.valueOf(right.toUpperCase(Locale.ROOT)));
      }
    }
    return rights;
  }

  @Test
  void aMethodIsForThoseWhoHaveItsRights() throws Exception {
    try (CallerHost host =
        CallerHost.inProcess(
            CallerHost.probes(Probe::echo)
                .authenticator(CallerHost::byName)
                .authorizer(new Administrators(Access.denied(), AdminServiceTest::rightsByName))
                .admin(drains::incrementAndGet))) {
      for (String caller :
          new String[] {
            "nobody", "read", "data", "call", "edit", "control", "read-data", "data-control"
          }) {
        AdminGrpc.AdminBlockingStub admin = blocking(host.as(caller));
        Set<String> has = Set.of(caller.split("-", -1));
        methods()
            .forEach(
                (method, call) -> {
                  Set<String> needs =
                      Set.of(method.substring(0, method.lastIndexOf(' ')).split(" ", -1));
                  assertWithMessage("%s for %s", method, caller)
                      .that(code(() -> call.accept(admin)) == Status.Code.PERMISSION_DENIED)
                      .isEqualTo(!has.containsAll(needs));
                });
      }
      assertThat(
              code(() -> methods().values().forEach(call -> call.accept(blocking(host.as(null))))))
          .isEqualTo(Status.Code.UNAUTHENTICATED);
      // Each caller who may, once.
      Wait.until(() -> drains.get() == 2, "the drains");
    }
  }

  @Test
  void withoutAPolicyItIsForLoopbackAlone() throws Exception {
    for (String address : new String[] {"127.0.0.1", "0.0.0.0"}) {
      try (DurableObjectHost host =
          CallerHost.probes(Probe::echo)
              .listen(new InetSocketAddress(address, 0))
              .admin()
              .build()
              .start()) {
        ManagedChannel channel =
            NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
        try {
          @Nullable StatusRuntimeException refusal = null;
          try {
            var _ = blocking(channel).getHost(GetHostRequest.getDefaultInstance());
          } catch (StatusRuntimeException e) {
            refusal = e;
          }
          if (address.equals("127.0.0.1")) {
            assertThat(refusal).isNull();
          } else {
            assertThat(refusal)
                .hasMessageThat()
                .isEqualTo(
                    "PERMISSION_DENIED: the admin service is for loopback alone, expected a policy"
                        + " that gives the right 'read'");
          }
        } finally {
          channel.shutdownNow();
        }
      }
    }
  }

  @Test
  void aHostThatIsNotToldToHasNone() throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      assertThat(code(() -> blocking(host.channel()).getHost(GetHostRequest.getDefaultInstance())))
          .isEqualTo(Status.Code.UNIMPLEMENTED);
    }
  }

  // ---- the host

  @ParameterizedTest
  @EnumSource
  void theHostSaysWhatItHas(Store store) throws Exception {
    try (Host host = new Host(store, Probe.doing(Probe::echo))) {
      var _ = host.admin().editEntries(put("k").build());
      TestStub stub = host.stub();
      assertThat(stub.ask("x")).isEqualTo("x");
      GetHostResponse told = host.admin().getHost(GetHostRequest.getDefaultInstance());
      assertThat(told.getVersion()).isEqualTo("1.2.3");
      assertThat(told.getCommit()).isEqualTo("abc");
      assertThat(told.getStore()).isEqualTo(store.name().toLowerCase(Locale.ROOT));
      assertThat(told.getServing()).isTrue();
      assertThat(told.getDraining()).isFalse();
      assertThat(told.getStubs()).isEqualTo(1);
      assertThat(told.getLiveObjects()).isEqualTo(1);
      assertThat(told.getOptionsMap())
          .containsEntry("turn_limit", HostLimits.defaults().turnLimit().toString());
      assertThat(told.getOptionsMap())
          .containsEntry(
              "stub_queue_bytes", Long.toString(HostLimits.defaults().stubQueue().bytes()));
      assertThat(told.getOptionsMap().keySet())
          .containsAtLeast(
              "max_connections", "max_sessions_per_object", "max_tailers", "store_patience");
      assertThat(told.getOptionsMap().keySet()).containsNoneOf("location", "hash_code", "clock");
      assertThat(told.hasLeaseLeft()).isFalse(); // Neither store has one.
      Namespace namespace =
          host.admin().listNamespaces(ListNamespacesRequest.getDefaultInstance()).getNamespaces(0);
      assertThat(namespace.getName()).isEqualTo(TestHost.PROBE);
      assertThat(namespace.getServed()).isTrue();
      assertThat(namespace.getService()).isEqualTo(ProbeGrpc.SERVICE_NAME);
      assertThat(namespace.getMethods(0).getRequestType()).endsWith(".Words");
      assertThat(namespace.getStoredObjects()).isEqualTo(1);
      assertThat(namespace.getLiveObjects()).isEqualTo(1);
    }
  }

  @Test
  void aDrainIsAnsweredAndThenDone() throws Exception {
    try (Host host = new Host(Store.MEMORY, Probe.doing(Probe::echo))) {
      var _ = host.admin().drain(DrainRequest.getDefaultInstance());
      Wait.until(() -> drains.get() == 1, "the drain");
    }
  }

  // ---- one object

  private static GetObjectResponse look(Host host) {
    return host.admin().getObject(GetObjectRequest.newBuilder().setObject(A).build());
  }

  @ParameterizedTest
  @EnumSource
  void anObjectIsLookedAtWhileItsTurnRuns(Store store) throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (Host host =
        new Host(
            store,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("hold")) {
                    entered.countDown();
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      assertThat(failure(() -> look(host)))
          .hasMessageThat()
          .isEqualTo("NOT_FOUND: PROBE/a has stored nothing, and is not live");
      var _ =
          host.admin()
              .editEntries(
                  put("k").setSetAlarm(Timestamp.newBuilder().setSeconds(4_000_000_000L)).build());
      TestStub stub = host.stub();
      stub.call("hold").call("x", "x");
      Wait.on(entered, "the turn");
      Wait.until(() -> look(host).getLive().getQueued() >= 2, "two invocations that wait");
      GetObjectResponse told = look(host);
      assertThat(told.getObject().getName()).isEqualTo("a");
      assertThat(told.getObject().getStored()).isTrue();
      assertThat(told.getObject().getLive()).isTrue();
      assertThat(told.getObject().getAlarm().getSeconds()).isEqualTo(4_000_000_000L);
      assertThat(told.getEntries()).isEqualTo(1);
      assertThat(told.getBytes()).isEqualTo("k".length() + VALUE.size());
      assertThat(told.getLive().getRunningMethod()).isEqualTo("Do");
      assertThat(told.getLive().getOpenStubs()).isEqualTo(1);
      assertThat(told.getLive().getStubs(0).getReceivedThrough()).isEqualTo(3);
      assertThat(told.getLive().getStubs(0).getAnsweredThrough()).isEqualTo(0);
      assertThat(told.getLive().getStubs(0).getPeer()).isNotEmpty();
      assertThat(told.getLive().getQueuedBytes()).isGreaterThan(0L);
      assertThat(told.getLive().getInstanceSince().getSeconds()).isGreaterThan(0L);
      assertThat(told.getLive().hasLastBreak()).isFalse();
      assertThat(told.getLive().getPendingCommits()).isEqualTo(0);
    } finally {
      leave.countDown();
    }
  }

  @Test
  void anObjectSaysHowAStubBrokeLast() throws Exception {
    try (Host host =
        new Host(
            Store.MEMORY,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("throw")) {
                    throw new IllegalStateException("as was said");
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      host.stub().call("throw").broken("OBJECT_EXCEPTION");
      assertThat(host.stub().ask("x")).isEqualTo("x"); // So that it is live.
      LastBreak last = look(host).getLive().getLastBreak();
      assertThat(last.getReason()).isEqualTo("OBJECT_EXCEPTION");
      assertThat(last.getMessage()).contains("as was said");
      assertThat(last.getMethod()).isEqualTo("Do");
      assertThat(last.getTime().getSeconds()).isGreaterThan(0L);
      host.stub().call("x", invocation -> invocation.setMethod("Nothing")).broken("UNKNOWN_METHOD");
      LastBreak next = look(host).getLive().getLastBreak();
      assertThat(next.getReason()).isEqualTo("UNKNOWN_METHOD");
      assertThat(next.getMethod()).isEmpty();
    }
  }

  @Test
  void aStubSaysWhereItComesFrom() throws Exception {
    try (DurableObjectHost host =
        CallerHost.probes(Probe::echo)
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .admin()
            .build()
            .start()) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
      try {
        TestStub stub = new TestStub(channel, TestHost.byName("a"), Integer.MAX_VALUE);
        assertThat(stub.ask("x")).isEqualTo("x");
        assertThat(
                blocking(channel)
                    .getObject(GetObjectRequest.newBuilder().setObject(A).build())
                    .getLive()
                    .getStubs(0)
                    .getPeer())
            .matches("127\\.0\\.0\\.1:\\d+");
      } finally {
        channel.shutdownNow();
      }
    }
  }

  @Test
  void whatIsntServedIsLookedAtAndDeletedById() throws Exception {
    try (Host host = new Host(Store.SQLITE, Probe.doing(Probe::echo))) {
      var _ =
          host.admin()
              .editEntries(
                  put("k").setSetAlarm(Timestamp.newBuilder().setSeconds(4_000_000_000L)).build());
    }
    ObjectName byId =
        ObjectName.newBuilder()
            .setNamespace(TestHost.PROBE)
            .setId(new DurableObjectIds(TestHost.PROBE).fromName("a").toString())
            .build();
    String name = InProcessServerBuilder.generateName();
    try (DurableObjectHost _ =
        DurableObjectHost.builder()
            .namespace("OTHER", ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
            .storage(StorageOptions.sqlite(directory))
            .server(InProcessServerBuilder.forName(name))
            .admin()
            .build()
            .start()) {
      ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
      try {
        AdminGrpc.AdminBlockingStub admin = blocking(channel);
        GetObjectRequest get = GetObjectRequest.newBuilder().setObject(byId).build();
        GetObjectResponse told = admin.getObject(get);
        assertThat(told.getObject().getName()).isEqualTo("a");
        assertThat(told.getObject().getAlarm().getSeconds()).isEqualTo(4_000_000_000L);
        assertThat(told.getEntries()).isEqualTo(1);
        assertThat(told.hasLive()).isFalse();
        assertThat(
                admin
                    .listEntries(ListEntriesRequest.newBuilder().setObject(byId).build())
                    .getEntries(0)
                    .getValue())
            .isEqualTo(VALUE);
        assertThat(
                admin
                    .exportObjects(ExportObjectsRequest.newBuilder().setObject(byId).build())
                    .next()
                    .getPart()
                    .getName())
            .isEqualTo("a");
        DeleteObjectRequest delete = DeleteObjectRequest.newBuilder().setObject(byId).build();
        assertThat(admin.deleteObject(delete).getDeleted()).isTrue();
        assertThat(code(() -> admin.getObject(get))).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(admin.deleteObject(delete).getDeleted()).isFalse();
      } finally {
        channel.shutdownNow();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void anEditIsOneTurnThatIsMadeOrNot(Store store) throws Exception {
    try (Host host =
        new Host(
            store,
            state -> {
              throw new IllegalStateException("the factory is broken");
            })) {
      Condition absent = Condition.newBuilder().setKey("k").build();
      var _ = host.admin().editEntries(put("k").addConditions(absent).build());
      StatusRuntimeException failure =
          failure(() -> host.admin().editEntries(put("other").addConditions(absent).build()));
      assertThat(failure)
          .hasMessageThat()
          .isEqualTo("ABORTED: key 'k': a value of 5 bytes, expected no value");
      Condition other =
          Condition.newBuilder().setKey("k").setValue(ByteString.copyFromUtf8("VALUE")).build();
      assertThat(failure(() -> host.admin().editEntries(put("other").addConditions(other).build())))
          .hasMessageThat()
          .isEqualTo(
              "ABORTED: key 'k': a value of 5 bytes, expected another one, a value of 5 bytes");
      assertThat(look(host).getEntries()).isEqualTo(1);
      var _ =
          host.admin()
              .editEntries(
                  put("other")
                      .addConditions(absent.toBuilder().setValue(VALUE))
                      .addDeletes("k")
                      .build());
      assertThat(look(host).getEntries()).isEqualTo(1);
      assertThat(failure(() -> host.admin().editEntries(put("k").addDeletes("k").build())))
          .hasMessageThat()
          .isEqualTo("INVALID_ARGUMENT: key 'k' is changed twice, expected one put or one delete");
      DeleteObjectRequest delete = DeleteObjectRequest.newBuilder().setObject(A).build();
      assertThat(host.admin().deleteObject(delete).getDeleted()).isTrue();
      assertThat(host.admin().deleteObject(delete).getDeleted()).isFalse();
      Wait.until(() -> code(() -> look(host)) == Status.Code.NOT_FOUND, "the end of the object");
    }
  }

  @Test
  void anAlarmRunsWhenItIsWanted() throws Exception {
    try (Host host =
        new Host(
            Store.SQLITE,
            Probe.doing(
                Probe::echo,
                (probe, alarm) -> {
                  if (alarm.retries() == 0) {
                    throw new IllegalStateException("not yet");
                  }
                }))) {
      RunAlarmRequest run = RunAlarmRequest.newBuilder().setObject(A).build();
      assertThat(failure(() -> host.admin().runAlarm(run)))
          .hasMessageThat()
          .isEqualTo("FAILED_PRECONDITION: PROBE/a has no alarm, expected one");
      var _ =
          host.admin()
              .editEntries(
                  put("k").setSetAlarm(Timestamp.newBuilder().setSeconds(4_000_000_000L)).build());
      StatusRuntimeException failure = failure(() -> host.admin().runAlarm(run));
      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
      assertThat(failure).hasMessageThat().contains("not yet");
      var _ = host.admin().runAlarm(run);
      assertThat(look(host).getObject().hasAlarm()).isFalse();
    }
  }

  @Test
  void anObjectIsEvictedAndReset() throws Exception {
    AtomicInteger made = new AtomicInteger();
    try (Host host =
        new Host(
            Store.MEMORY,
            state -> {
              made.incrementAndGet();
              return new Probe(state, Probe::echo, null);
            })) {
      EvictObjectRequest evict = EvictObjectRequest.newBuilder().setObject(A).build();
      ResetObjectRequest reset =
          ResetObjectRequest.newBuilder().setObject(A).setWhy("a test").build();
      assertThat(host.admin().evictObject(evict).getEvicted()).isFalse();
      assertThat(host.admin().resetObject(reset).getReset()).isFalse();
      TestStub stub = host.stub();
      assertThat(stub.ask("x")).isEqualTo("x");
      assertThat(host.admin().evictObject(evict).getEvicted()).isTrue();
      assertThat(stub.ask("x")).isEqualTo("x");
      assertThat(made.get()).isEqualTo(2);
      assertThat(host.admin().resetObject(reset).getReset()).isTrue();
      assertThat(stub.broken("OBJECT_RESET").getCause().getMessage())
          .isEqualTo("an operator has reset the object: a test");
    }
  }

  @Test
  void whatCantBeAnObjectIsSaid() throws Exception {
    try (Host host = new Host(Store.MEMORY, Probe.doing(Probe::echo))) {
      ObjectName.Builder name = ObjectName.newBuilder().setNamespace("NONE").setName("a");
      assertThat(
              failure(
                  () ->
                      host.admin()
                          .getObject(GetObjectRequest.newBuilder().setObject(name).build())))
          .hasMessageThat()
          .isEqualTo("NOT_FOUND: namespace 'NONE', expected one of [PROBE]");
      name.setNamespace(TestHost.PROBE).setId("12");
      assertThat(
              failure(
                  () ->
                      host.admin()
                          .getObject(GetObjectRequest.newBuilder().setObject(name).build())))
          .hasMessageThat()
          .contains("INVALID_ARGUMENT: namespace PROBE: id '12', expected 64");
    }
  }
}
