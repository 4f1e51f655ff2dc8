package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.SettableFuture;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import com.google.protobuf.StringValue;
import com.google.rpc.ErrorInfo;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.InternalMetadata;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

/** Calls that name their object in a header, over a real connection. */
final class HeaderCallTest {
  private static final Metadata.Key<String> OBJECT =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  /** Sends these very bytes. */
  private static final Metadata.Key<byte[]> RAW_OBJECT =
      InternalMetadata.keyOf(
          "seriatim-object",
          new InternalMetadata.TrustedAsciiMarshaller<byte[]>() {
            @Override
            public byte[] toAsciiString(byte[] value) {
              return value;
            }

            @Override
            public byte[] parseAsciiString(byte[] serialized) {
              return serialized;
            }
          });

  private static final int MAX_MESSAGE_BYTES = 100_000;

  /** A host, and a client that has one connection to it. */
  private record Served(DurableObjectHost host, ManagedChannel channel) implements AutoCloseable {
    static Served of(Probe.Method method) throws Exception {
      return of(method, HostLimits.builder().maxFrameBytes(MAX_MESSAGE_BYTES).build());
    }

    static Served of(Probe.Method method, HostLimits limits) throws Exception {
      DurableObjectHost host =
          DurableObjectHost.builder()
              .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(method))
              .limits(limits)
              .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .build()
              .start();
      return new Served(
          host, NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build());
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  private static Channel with(Channel channel, Metadata headers) {
    return io.grpc.ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private static ProbeGrpc.ProbeBlockingStub naming(Channel channel, String... objects) {
    Metadata headers = new Metadata();
    for (String object : objects) {
      headers.put(OBJECT, object);
    }
    return ProbeGrpc.newBlockingStub(with(channel, headers));
  }

  private static com.google.rpc.Status told(StatusRuntimeException e) {
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    if (status == null || status.getDetailsCount() == 0) {
      throw new AssertionError("no details in " + e.getStatus());
    }
    assertThat(status.getMessage()).isEqualTo(e.getStatus().getDescription());
    return status;
  }

  private static ErrorInfo info(StatusRuntimeException e) throws Exception {
    return told(e).getDetails(0).unpack(ErrorInfo.class);
  }

  // ---- names

  private static void tellName(
      Probe probe, Words request, io.grpc.stub.StreamObserver<Words> reply) {
    Probe.reply(reply, probe.state().name().orElse("no name"));
  }

  @Test
  void everyNameCanBeSaid() throws Exception {
    try (Served served = Served.of(HeaderCallTest::tellName)) {
      String[][] namesAndHeaders = {
        {"a", "a"},
        {"a/b c", "a/b c"},
        {"a/b c", "%61%2F%62%20%63"},
        {"Größe", "Gr%C3%B6%C3%9Fe"},
        {"Größe", "Gr%c3%b6%c3%9fe"},
        {"Grüße", "Gr%C3%BC%C3%9Fe"},
        {"Gr??e", "Gr%3F%3Fe"},
        {"100%", "100%25"},
        {"100%25", "100%2525"},
        {"id:x", "id%3Ax"},
        {"id:x", "%69d:x"},
        {" x ", " x%20"},
        {"\t\r\n\0", "%09%0D%0A%00"},
        {"😀", "%F0%9F%98%80"},
        {"ä".repeat(512), "%C3%A4".repeat(512)},
        {"ID:x", "ID:x"},
        {"+", "+"},
      };
      for (String[] pair : namesAndHeaders) {
        String header = "PROBE/" + pair[1];
        assertWithMessage(header)
            .that(naming(served.channel(), header).do_(Probe.words("")).getText())
            .isEqualTo(pair[0]);
      }
    }
  }

  @Test
  void whatMayHaveBeenAnotherNameIsRefused() throws Exception {
    try (Served served = Served.of(HeaderCallTest::tellName)) {
      for (String name :
          List.of(
              "Größe",
              "Gr?e",
              "100%",
              "%",
              "%4",
              "%zz",
              "%-1",
              "a%C3",
              "%C3%28",
              "%ED%A0%80",
              "%C0%AF",
              "",
              "x".repeat(1025),
              "%C3%A4".repeat(513),
              "id:",
              "id:12",
              "id:%61")) {
        StatusRuntimeException e =
            assertThrows(
                StatusRuntimeException.class,
                () -> naming(served.channel(), "PROBE/" + name).do_(Probe.words("")),
                name);
        assertWithMessage(name).that(info(e).getReason()).isEqualTo("INVALID_ID");
        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      }
      StatusRuntimeException lost =
          assertThrows(
              StatusRuntimeException.class,
              () -> naming(served.channel(), "PROBE/Größe").do_(Probe.words("")));
      assertThat(lost).hasMessageThat().contains("'?' at 2");
      assertThat(lost).hasMessageThat().contains("%3F");
    }
  }

  @Test
  void bytesThatAreNotAsciiAreRefused() throws Exception {
    try (TestHost served = TestHost.of(Probe.doing(HeaderCallTest::tellName))) {
      // Netty's client would leave the header out.
      Metadata headers = new Metadata();
      headers.put(RAW_OBJECT, "PROBE/Größe".getBytes(UTF_8));
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  ProbeGrpc.newBlockingStub(with(served.channel(), headers)).do_(Probe.words("")));
      assertThat(info(e).getReason()).isEqualTo("INVALID_ID");
      assertThat(e).hasMessageThat().contains("a % per byte");
    }
  }

  @Test
  void aSecondHeaderIsRefused() throws Exception {
    try (Served served = Served.of(HeaderCallTest::tellName)) {
      for (List<String> objects :
          List.of(List.of("PROBE/a", "PROBE/b"), List.of("PROBE/a", "PROBE/a"))) {
        StatusRuntimeException e =
            assertThrows(
                StatusRuntimeException.class,
                () ->
                    naming(served.channel(), objects.toArray(String[]::new)).do_(Probe.words("")));
        assertThat(info(e).getReason()).isEqualTo("INVALID_ID");
        assertThat(e).hasMessageThat().contains("expected it once");
      }
    }
  }

  // ---- messages

  @Test
  void aMessageThatIsTooLongOnceDecompressedIsJustThat() throws Exception {
    try (Served served = Served.of(Probe::echo)) {
      for (int bytes : List.of(MAX_MESSAGE_BYTES, 5 * MAX_MESSAGE_BYTES)) {
        StatusRuntimeException e =
            assertThrows(
                StatusRuntimeException.class,
                () ->
                    naming(served.channel(), "PROBE/a")
                        .withCompression("gzip")
                        .do_(Probe.filling(bytes)));
        assertThat(info(e).getReason()).isEqualTo("OVERLOADED");
      }
      Words fits = Probe.filling(MAX_MESSAGE_BYTES / 2);
      assertThat(naming(served.channel(), "PROBE/a").withCompression("gzip").do_(fits))
          .isEqualTo(fits);
    }
  }

  /** A call of one message whose client sends that, and says that it was all, by and by. */
  private static final class ByHand<Q, R> extends ClientCall.Listener<R> {
    private final SettableFuture<R> reply = SettableFuture.create();
    private final ClientCall<Q, R> call;

    ByHand(Channel channel, MethodDescriptor<Q, R> method) {
      MethodDescriptor<Q, R> many =
          method.toBuilder().setType(MethodDescriptor.MethodType.CLIENT_STREAMING).build();
      Metadata headers = new Metadata();
      headers.put(OBJECT, "PROBE/a");
      call = channel.newCall(many, CallOptions.DEFAULT);
      call.start(this, headers);
      call.request(1);
    }

    @Override
    public void onMessage(R message) {
      reply.set(message);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      reply.setException(status.asRuntimeException(trailers));
    }

    StatusRuntimeException failure() {
      ExecutionException e =
          assertThrows(ExecutionException.class, () -> Wait.on(reply, "the end of a call"));
      return (StatusRuntimeException) requireNonNull(e.getCause());
    }
  }

  @Test
  void aSecondMessageIsRefusedAndNothingRuns() throws Exception {
    try (Served served =
        Served.of(
            (probe, request, reply) -> {
              throw new AssertionError("a turn ran");
            })) {
      ByHand<Words, Words> call = new ByHand<>(served.channel(), ProbeGrpc.getDoMethod());
      call.call.sendMessage(Probe.words("one"));
      call.call.sendMessage(Probe.words("two"));
      StatusRuntimeException failure = call.failure();
      assertThat(info(failure).getReason()).isEqualTo("PROTOCOL_VIOLATION");
      assertThat(failure).hasMessageThat().contains("a second message");
    }
  }

  private static long arriving(Served served) {
    return served.host().statistics().amounts().stream()
        .filter(amount -> amount.name().equals("arriving_bytes"))
        .findFirst()
        .orElseThrow()
        .used();
  }

  @Test
  void messagesThatWaitForTheEndOfTheirCallsAreCounted() throws Exception {
    HostLimits limits =
        HostLimits.builder()
            .maxFrameBytes(MAX_MESSAGE_BYTES)
            .connections(ConnectionLimits.defaults().withMaxArrivingBytes(8 * MAX_MESSAGE_BYTES))
            .build();
    try (Served served = Served.of(Probe::echo, limits)) {
      Words words = Probe.filling(MAX_MESSAGE_BYTES / 2);
      List<ByHand<Words, Words>> calls = new ArrayList<>();
      while (calls.stream().noneMatch(call -> call.reply.isDone())) {
        ByHand<Words, Words> next = new ByHand<>(served.channel(), ProbeGrpc.getDoMethod());
        next.call.sendMessage(words);
        calls.add(next);
        long least = (long) calls.size() * words.getSerializedSize();
        Wait.until(
            () -> next.reply.isDone() || arriving(served) >= least, "the count of a message");
      }
      for (ByHand<Words, Words> call : calls) {
        if (call.reply.isDone()) {
          StatusRuntimeException failure = call.failure();
          assertThat(info(failure).getReason()).isEqualTo("OVERLOADED");
          assertThat(failure).hasMessageThat().contains("no room for a ");
        }
      }
      calls.forEach(call -> call.call.cancel("enough", null));
      Wait.until(() -> arriving(served) == 0, "the end of what arrives");
      ByHand<Words, Words> whole = new ByHand<>(served.channel(), ProbeGrpc.getDoMethod());
      whole.call.sendMessage(words);
      whole.call.halfClose();
      assertThat(Wait.on(whole.reply, "a reply")).isEqualTo(words);
    }
  }

  @Test
  void aMessageWhoseCallIsNotEndedInTimeIsRefused() throws Exception {
    HostLimits limits =
        HostLimits.builder()
            .connections(ConnectionLimits.defaults().withFrameLimit(Duration.ofMillis(100)))
            .build();
    try (Served served = Served.of(Probe::echo, limits)) {
      ByHand<Words, Words> call = new ByHand<>(served.channel(), ProbeGrpc.getDoMethod());
      call.call.sendMessage(Probe.words("one"));
      StatusRuntimeException failure = call.failure();
      assertThat(info(failure).getReason()).isEqualTo("OVERLOADED");
      assertThat(failure).hasMessageThat().contains("limit on the arrival of a frame of PT0.1S");
      var described =
          new ByHand<>(served.channel(), DurableObjectsGrpc.getDescribeNamespaceMethod());
      described.call.sendMessage(DescribeNamespaceRequest.newBuilder().setName("PROBE").build());
      assertThat(described.failure()).hasMessageThat().contains("limit on the arrival of a frame");
      Wait.until(() -> arriving(served) == 0, "the end of what arrives");
    }
  }

  @Test
  void whoIsNotKnownYetIsToldToo() throws Exception {
    DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
            .limits(
                HostLimits.builder()
                    .connections(ConnectionLimits.defaults().withFrameLimit(Duration.ofMillis(100)))
                    .build())
            .authenticator(CallerHost::byName)
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
    Metadata token = new Metadata();
    token.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer alice");
    try (Served served = new Served(host, channel)) {
      Channel alice =
          ClientInterceptors.intercept(
              served.channel(), MetadataUtils.newAttachHeadersInterceptor(token));
      var described = new ByHand<>(alice, DurableObjectsGrpc.getDescribeNamespaceMethod());
      described.call.sendMessage(DescribeNamespaceRequest.newBuilder().setName("PROBE").build());
      assertThat(described.failure()).hasMessageThat().contains("limit on the arrival of a frame");
    }
  }

  // ---- failures that don't fit

  private static com.google.rpc.Status status(String message, Any... details) {
    return com.google.rpc.Status.newBuilder()
        .setCode(Status.Code.NOT_FOUND.value())
        .setMessage(message)
        .addAllDetails(List.of(details))
        .build();
  }

  private static Any large(int bytes) {
    return Any.pack(BytesValue.of(ByteString.copyFrom(new byte[bytes])));
  }

  private static Any largeInfo(int bytes) {
    return Any.pack(
        ErrorInfo.newBuilder().setReason("MINE").putMetadata("key", "v".repeat(bytes)).build());
  }

  @Test
  void anyFailureReachesItsCallerAndNobodyElse() throws Exception {
    List<com.google.rpc.Status> failures =
        List.of(
            status("x".repeat(5000)),
            status("ж".repeat(5000)),
            status("\u0001".repeat(5000)),
            status("%".repeat(2000)),
            status("😀".repeat(600)),
            status("short", large(3000)),
            status("short", large(6000)),
            status("short", large(60_000)),
            status("short", large(200_000)),
            status("short", largeInfo(900)),
            status("short", largeInfo(6000)),
            status("short", largeInfo(60_000)),
            status("\u0001".repeat(2000), largeInfo(6000), large(6000), large(10)),
            status("ж".repeat(2000), large(1000), large(1000), large(1000), large(1000)));
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    try (Served served =
        Served.of(
            (probe, request, reply) -> {
              if (request.getText().equals("hold")) {
                held.countDown();
                release.await();
                Probe.echo(probe, request, reply);
              } else {
                throw StatusProto.toStatusRuntimeException(failures.get((int) request.getNumber()));
              }
            })) {
      Metadata headers = new Metadata();
      headers.put(OBJECT, "PROBE/neighbour");
      ListenableFuture<Words> neighbour =
          ProbeGrpc.newFutureStub(with(served.channel(), headers)).do_(Probe.words("hold"));
      Wait.on(held, "the neighbour's turn");
      for (int i = 0; i < failures.size(); i++) {
        Words request = Words.newBuilder().setNumber(i).build();
        StatusRuntimeException e =
            assertThrows(
                StatusRuntimeException.class,
                () -> naming(served.channel(), "PROBE/a").do_(request));
        String what = "failure " + i;
        assertWithMessage(what).that(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertWithMessage(what).that(info(e).getReason()).isEqualTo("OBJECT_EXCEPTION");
        assertWithMessage(what).that(failures.get(i).getMessage()).startsWith(told(e).getMessage());
        assertWithMessage(what).that(told(e).getMessage().length()).isAtLeast(5);
      }
      release.countDown();
      assertThat(Wait.on(neighbour, "the neighbour's reply").getText()).isEqualTo("hold");
    }
  }

  @Test
  void whatFitsIsToldWhole() throws Exception {
    com.google.rpc.Status failure =
        status(
            "a message of some length: " + "x".repeat(1000),
            Any.pack(StringValue.of("first")),
            large(1000));
    try (Served served =
        Served.of(
            (probe, request, reply) -> {
              throw StatusProto.toStatusRuntimeException(failure);
            })) {
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () -> naming(served.channel(), "PROBE/a").do_(Probe.words("")));
      com.google.rpc.Status told = told(e);
      assertThat(told.getMessage()).isEqualTo(failure.getMessage());
      assertThat(told.getDetailsList().subList(1, told.getDetailsCount()))
          .isEqualTo(failure.getDetailsList());
    }
  }

  @Test
  void detailsThatAreLeftOutAreCounted() throws Exception {
    com.google.rpc.Status failure =
        status("short", large(6000), Any.pack(StringValue.of("kept")), largeInfo(3000));
    try (Served served =
        Served.of(
            (probe, request, reply) -> {
              throw StatusProto.toStatusRuntimeException(failure);
            })) {
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () -> naming(served.channel(), "PROBE/a").do_(Probe.words("")));
      com.google.rpc.Status told = told(e);
      assertThat(info(e).getMetadataMap()).containsExactly("object.details_left_out", "2");
      assertThat(told.getDetailsList().subList(1, told.getDetailsCount()))
          .containsExactly(Any.pack(StringValue.of("kept")));
    }
  }

  @Test
  void anUnknownNamespaceIsToldHoweverItIsCalled() throws Exception {
    try (Served served = Served.of(Probe::echo)) {
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  DurableObjectsGrpc.newBlockingStub(served.channel())
                      .describeNamespace(
                          DescribeNamespaceRequest.newBuilder().setName("ж".repeat(1000)).build()));
      assertThat(info(e).getReason()).isEqualTo("UNKNOWN_NAMESPACE");
      StatusRuntimeException byHeader =
          assertThrows(
              StatusRuntimeException.class,
              () -> naming(served.channel(), "%".repeat(3000) + "/a").do_(Probe.words("")));
      assertThat(info(byHeader).getReason()).isEqualTo("UNKNOWN_NAMESPACE");
    }
  }
}
