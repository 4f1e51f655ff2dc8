package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.StringValue;
import com.google.rpc.ErrorInfo;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.Method;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The host as its clients and its objects see it, but for the turns themselves. */
final class HostTest {
  private static final Metadata.Key<String> OBJECT =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> COLOUR =
      Metadata.Key.of("colour", Metadata.ASCII_STRING_MARSHALLER);

  // ---- metadata, context, interceptors

  @Test
  void metadataAndDeadlineReachTheObject() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  Metadata metadata = DurableObjectState.INVOCATION_METADATA.get();
                  String colour = metadata == null ? null : metadata.get(COLOUR);
                  boolean deadline = Context.current().getDeadline() != null;
                  Probe.reply(reply, colour + " " + deadline);
                }))) {
      TestStub stub = host.stub("a");
      assertThat(stub.ask("")).isEqualTo("null false");
      stub.call("", call -> call.putMetadata("colour", "blue"));
      assertThat(stub.outcome(2).getText()).isEqualTo("blue false");
      stub.call("", call -> call.setTimeout(com.google.protobuf.util.Durations.fromDays(1)));
      assertThat(stub.outcome(3).getText()).isEqualTo("null true");
      stub.call("", call -> call.putMetadata("grpc-evil", "x"));
      assertThat(stub.broken("PROTOCOL_VIOLATION").getFailedSequence()).isEqualTo(4);
    }
  }

  @Test
  void interceptorsWork() throws Exception {
    try (TestHost host =
        TestHost.of(
            state -> {
              Probe probe = new Probe(state, Probe::echo, null);
              return () ->
                  ServerInterceptors.intercept(probe, new LateRequest(), new RefusesColour("red"));
            })) {
      TestStub stub = host.stub("a");
      assertThat(stub.ask("1")).isEqualTo("1");
      stub.call("2", call -> call.putMetadata("colour", "blue"));
      assertThat(stub.outcome(2).getText()).isEqualTo("2");
      stub.call("3", call -> call.putMetadata("colour", "red"));
      Broken broken = stub.broken("OBJECT_EXCEPTION");
      assertThat(broken.getCause().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED.value());
    }
  }

  /** Asks for the request later, and from another thread. */
  private static final class LateRequest implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      ServerCall<Q, R> late =
          new io.grpc.ForwardingServerCall.SimpleForwardingServerCall<>(call) {
            @Override
            public void request(int messages) {
              Thread.startVirtualThread(() -> super.request(messages));
            }
          };
      return next.startCall(late, headers);
    }
  }

  private record RefusesColour(String colour) implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      if (colour.equals(headers.get(COLOUR))) {
        call.close(Status.PERMISSION_DENIED, new Metadata());
        return new ServerCall.Listener<>() {};
      }
      return next.startCall(call, headers);
    }
  }

  @Test
  void aRequestThatIsNeverAskedForIsCutOff() throws Exception {
    ServerInterceptor never =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            return new ServerCall.Listener<>() {};
          }
        };
    AtomicInteger instances = new AtomicInteger();
    try (TestHost host =
        TestHost.of(
            HostLimits.builder().turnLimit(Duration.ofSeconds(1)),
            state -> {
              Probe probe = new Probe(state, Probe::echo, null);
              return instances.incrementAndGet() == 1
                  ? () -> ServerInterceptors.intercept(probe, never)
                  : probe;
            })) {
      host.stub("a").call("1").broken("INVOCATION_TIMED_OUT");
      assertThat(host.stub("a").ask("2")).isEqualTo("2");
    }
  }

  // ---- causes

  @Test
  void theObjectsOwnErrorInfoIsFolded() throws Exception {
    com.google.rpc.Status own =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.NOT_FOUND.value())
            .setMessage("no such thing")
            .addDetails(Any.pack(StringValue.of("first")))
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setReason("GONE")
                        .setDomain("example.org")
                        .putMetadata("thing", "cup")
                        .build()))
            .build();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) ->
                    reply.onError(StatusProto.toStatusRuntimeException(own))))) {
      Broken broken = host.stub("a").call("1").broken("OBJECT_EXCEPTION");
      assertThat(broken.getCause().getCode()).isEqualTo(Status.Code.NOT_FOUND.value());
      assertThat(broken.getCause().getMessage()).isEqualTo("no such thing");
      assertThat(TestStub.info(broken).getMetadataMap())
          .containsExactly(
              "object.reason",
              "GONE",
              "object.domain",
              "example.org",
              "object.metadata.thing",
              "cup");
      assertThat(broken.getCause().getDetailsList())
          .containsExactly(broken.getCause().getDetails(0), Any.pack(StringValue.of("first")))
          .inOrder();
    }
  }

  @Test
  void aLongMessageIsCutAtACharacter() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  throw Status.INTERNAL.withDescription("x" + "\u00e4".repeat(5000)).asException();
                }))) {
      Broken broken = host.stub("a").call("1").broken("OBJECT_EXCEPTION");
      assertThat(broken.getCause().getMessage()).isEqualTo("x" + "\u00e4".repeat(999));
    }
  }

  // ---- slow readers

  @Test
  void unreadOutcomesPauseOnlyTheirOwnStub() throws Exception {
    AtomicInteger slow = new AtomicInteger();
    int calls = 100;
    try (TestHost host =
        TestHost.of(
            HostLimits.builder().maxUnreadOutcomeBytes(10_000),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getFilling().size() > 0) {
                    slow.incrementAndGet();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub unread = host.unreadStub("a").call(calls, Probe.filling(1000));
      Wait.until(() -> slow.get() >= 10, "the turns that fit");
      TestStub other = host.stub("a");
      for (int i = 0; i < 100; i++) {
        assertThat(other.ask("other")).isEqualTo("other");
      }
      // What waits is at most the limit and one frame that is on its way.
      assertThat(slow.get()).isLessThan(50);
      unread.read(1000);
      unread.outcome(calls);
      assertThat(slow.get()).isEqualTo(calls);
    }
  }

  // ---- drain and close

  @Test
  void aDrainLetsTurnsEndAndTellsTheOthersAtOnce() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    List<String> ran = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ran.add(request.getText());
                  if (request.getText().equals("long")) {
                    entered.countDown();
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub idle = host.stub("b");
      idle.ask("idle");
      TestStub busy = host.stub("a").call("long", "behind");
      Wait.on(entered, "the turn");
      FutureTask<Void> drain =
          new FutureTask<>(
              () -> {
                host.host().drain();
                return null;
              });
      Thread draining = Thread.startVirtualThread(drain);
      assertThat(idle.broken("HOST_DRAINING").getRetryable()).isTrue();
      // It tells one stub after the other, and waits when all have been told.
      Wait.until(
          () -> draining.getState() == Thread.State.TIMED_WAITING, "the drain, to wait for a turn");
      TestStub late = host.stub("c").call("late");
      late.broken("HOST_DRAINING");
      assertThat(busy.isOver()).isFalse();
      leave.countDown();
      assertThat(busy.broken("HOST_DRAINING").getCompletedThrough()).isEqualTo(1);
      Wait.on(drain, "the end of the drain");
      assertThat(ran).containsExactly("idle", "long").inOrder();
    }
  }

  @Test
  void aDrainLeavesTheCallsOfARunningTurnAlone() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("outer")) {
                    entered.countDown();
                    leave.await();
                    Words inner =
                        ProbeGrpc.newBlockingStub(
                                probe
                                    .state()
                                    .objects()
                                    .namespace(TestHost.PROBE)
                                    .getByName("inner")
                                    .channel())
                            .do_(Probe.words("inner"));
                    Probe.echo(probe, inner, reply);
                  } else {
                    Probe.echo(probe, request, reply);
                  }
                }))) {
      TestStub idle = host.stub("b");
      idle.ask("idle");
      TestStub outer = host.stub("outer").call("outer");
      Wait.on(entered, "the turn");
      FutureTask<Void> drain =
          new FutureTask<>(
              () -> {
                host.host().drain();
                return null;
              });
      Thread.startVirtualThread(drain);
      idle.broken("HOST_DRAINING");
      leave.countDown();
      assertThat(outer.outcome(1).getText()).isEqualTo("inner");
      assertThat(outer.broken("HOST_DRAINING").getCompletedThrough()).isEqualTo(1);
      Wait.on(drain, "the end of the drain");
    }
  }

  @Test
  void aTurnThatOutlastsTheDrainIsCutOff() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            HostLimits.builder().drainLimit(Duration.ofMillis(100)),
            Probe.doing(
                (probe, request, reply) -> {
                  entered.countDown();
                  new CountDownLatch(1).await();
                }))) {
      TestStub stub = host.stub("a").call("long");
      Wait.on(entered, "the turn");
      host.host().drain();
      assertThat(stub.broken("OBJECT_RESET").getCompletedThrough()).isEqualTo(0);
    }
  }

  @Test
  void aCloseStartsNoFurtherTurn() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    AtomicInteger ran = new AtomicInteger();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ran.incrementAndGet();
                  entered.countDown();
                  new CountDownLatch(1).await();
                }))) {
      List<TestStub> stubs = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        stubs.add(host.stub("a").call("1", "2"));
      }
      Wait.on(entered, "the first turn");
      host.host().close();
      host.host().awaitTermination();
      for (TestStub stub : stubs) {
        Wait.until(stub::isOver, "the end of a stub");
      }
      assertThat(ran.get()).isEqualTo(1);
    }
  }

  // ---- a host that can't start

  private static DurableObjectHost.Builder onDisk(Path directory) {
    return DurableObjectHost.builder()
        .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
        .storage(StorageOptions.sqlite(directory));
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** The directory is free, and a host that is well takes it and serves. */
  private static void assertServes(Path directory) throws Exception {
    try (DurableObjectHost host = onDisk(directory).listen(loopback(0)).build().start()) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(loopback(host.port())).usePlaintext().build();
      try {
        assertThat(header(channel, "PROBE/a").do_(Probe.words("x")).getText()).isEqualTo("x");
      } finally {
        channel.shutdownNow();
      }
    }
  }

  @Test
  void aPortThatIsTakenLeavesNothingOpen(@TempDir Path directory) throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      DurableObjectHost host = onDisk(directory).listen(loopback(taken.getLocalPort())).build();
      IOException e = assertThrows(IOException.class, host::start);
      assertThat(e).hasMessageThat().contains(":" + taken.getLocalPort());
      assertServes(directory);
      assertThrows(IllegalStateException.class, host::start);
    }
  }

  @Test
  void credentialsThatAreNoneLeaveNothingOpen(@TempDir Path directory) throws Exception {
    ServerCredentials none =
        TlsServerCredentials.create(
            new ByteArrayInputStream("no certificate".getBytes(UTF_8)),
            new ByteArrayInputStream("no key".getBytes(UTF_8)));
    DurableObjectHost.Builder builder = onDisk(directory).listen(loopback(0), none);
    assertThrows(IllegalArgumentException.class, builder::build);
    assertServes(directory);
  }

  @Test
  void storageOptionsThatDoNotFitLeaveNothingOpen(@TempDir Path directory) throws Exception {
    DurableObjectHost.Builder builder =
        onDisk(directory).storage(StorageOptions.sqlite(directory).withAlarmIndexSize(10));
    assertThat(assertThrows(IllegalArgumentException.class, builder::build))
        .hasMessageThat()
        .isEqualTo("alarmIndexSize 10, expected more than maxOutstandingAlarms 1000");
    assertServes(directory);
  }

  @Test
  void aSecondStartLeavesTheHostAsItIs() throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      assertThrows(IllegalStateException.class, () -> host.host().start());
      assertThat(host.stub("a").ask("1")).isEqualTo("1");
    }
  }

  // ---- calls that name their object in a header

  private static ProbeGrpc.ProbeBlockingStub header(TestHost host, String object) {
    return header(host.channel(), object);
  }

  private static ProbeGrpc.ProbeBlockingStub header(Channel channel, String object) {
    Metadata headers = new Metadata();
    headers.put(OBJECT, object);
    headers.put(COLOUR, "green");
    return ProbeGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  @Test
  void anyClientCanCallAnObject() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("bad")) {
                    throw Status.OUT_OF_RANGE.withDescription("too far").asException();
                  }
                  if (request.getText().equals("never")) {
                    return;
                  }
                  String colour = DurableObjectState.INVOCATION_METADATA.get().get(COLOUR);
                  Probe.reply(reply, probe.state().name().orElse("?") + " " + colour);
                }))) {
      assertThat(header(host, "PROBE/a/b").do_(Probe.words("x")).getText()).isEqualTo("a/b green");
      StatusRuntimeException bad =
          assertThrows(
              StatusRuntimeException.class, () -> header(host, "PROBE/a").do_(Probe.words("bad")));
      assertThat(bad.getStatus().getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
      assertThat(bad.getStatus().getDescription()).isEqualTo("too far");
      assertThat(reason(bad)).isEqualTo("OBJECT_EXCEPTION");
      assertThat(
              reason(
                  assertThrows(
                      StatusRuntimeException.class,
                      () -> header(host, "NOBODY/a").do_(Probe.words("x")))))
          .isEqualTo("UNKNOWN_NAMESPACE");
      assertThat(
              reason(
                  assertThrows(
                      StatusRuntimeException.class,
                      () -> header(host, "PROBE/id:12").do_(Probe.words("x")))))
          .isEqualTo("INVALID_ID");
      assertThat(
              reason(
                  assertThrows(
                      StatusRuntimeException.class,
                      () -> ProbeGrpc.newBlockingStub(host.channel()).do_(Probe.words("x")))))
          .isEqualTo("PROTOCOL_VIOLATION");
      StatusRuntimeException late =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  header(host, "PROBE/a")
                      .withDeadlineAfter(100, TimeUnit.MILLISECONDS)
                      .do_(Probe.words("never")));
      assertThat(late.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
      assertThat(header(host, "PROBE/a").do_(Probe.words("x")).getText()).isEqualTo("a green");
    }
  }

  /** Calls an object that replies with what it is called, and sets its alarm if it is to. */
  private static String named(Path directory, String object, String request, List<String> alarms)
      throws Exception {
    DurableObjectFactory factory =
        Probe.doing(
            (probe, words, reply) -> {
              if (words.getText().equals("write")) {
                probe.state().storage().put("k", ByteString.copyFromUtf8("v"));
              } else if (words.getText().equals("alarm")) {
                probe.state().storage().setAlarm(Instant.now().plusSeconds(3600));
              } else if (words.getText().equals("now")) {
                probe.state().storage().setAlarm(Instant.EPOCH);
              } else {
                probe.state().storage().get("k");
              }
              Probe.reply(reply, probe.state().name().orElse("?"));
            },
            (probe, alarm) -> alarms.add(probe.state().name().orElse("?")));
    try (DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory)
            .storage(StorageOptions.sqlite(directory))
            .listen(loopback(0))
            .build()
            .start()) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(loopback(host.port())).usePlaintext().build();
      try {
        String name = header(channel, object).do_(Probe.words(request)).getText();
        if (request.equals("now")) {
          Wait.until(() -> !alarms.isEmpty(), "the alarm");
        }
        return name;
      } finally {
        channel.shutdownNow();
      }
    }
  }

  @Test
  void anObjectsNameIsKnownFromTheFirstTimeThatItIsOpenedByName(@TempDir Path directory)
      throws Exception {
    List<String> alarms = new CopyOnWriteArrayList<>();
    String byId = "PROBE/id:" + new DurableObjectIds(TestHost.PROBE).fromName("n");
    assertThat(named(directory, byId, "write", alarms)).isEqualTo("?");
    assertThat(named(directory, byId, "read", alarms)).isEqualTo("?");
    assertThat(named(directory, "PROBE/n", "read", alarms)).isEqualTo("n");
    assertThat(named(directory, byId, "read", alarms)).isEqualTo("n");
    assertThat(named(directory, byId, "alarm", alarms)).isEqualTo("n");
    assertThat(named(directory, byId, "now", alarms)).isEqualTo("n");
    assertThat(alarms).containsExactly("n");
  }

  private static String reason(StatusRuntimeException e) throws Exception {
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    if (status == null) {
      throw new AssertionError("no details in " + e);
    }
    return status.getDetails(0).unpack(ErrorInfo.class).getReason();
  }

  // ---- what a client may ask of the host itself

  @Test
  void namespacesAreDescribed() throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      var objects = DurableObjectsGrpc.newBlockingStub(host.channel());
      DescribeNamespaceResponse probe =
          objects.describeNamespace(DescribeNamespaceRequest.newBuilder().setName("PROBE").build());
      assertThat(probe.getUniqueKey()).isEqualTo("PROBE");
      assertThat(probe.getService()).isEqualTo("seriatim.servicetest.Probe");
      // Watch is not unary.
      assertThat(probe.getMethodsList().stream().map(Method::getName).toList())
          .containsExactly("Do", "DoOther")
          .inOrder();
      assertThat(probe.getMethods(0).getRequestType()).isEqualTo("seriatim.servicetest.Words");
      assertThat(objects.listNamespaces(ListNamespacesRequest.getDefaultInstance()).getNamesList())
          .containsExactly("PROBE");
      StatusRuntimeException unknown =
          assertThrows(
              StatusRuntimeException.class,
              () -> objects.describeNamespace(DescribeNamespaceRequest.getDefaultInstance()));
      assertThat(reason(unknown)).isEqualTo("UNKNOWN_NAMESPACE");
    }
  }
}
