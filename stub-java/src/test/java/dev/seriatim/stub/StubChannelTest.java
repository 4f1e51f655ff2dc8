package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.await;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The stub as a gRPC channel, and what goes along with a call. */
@Timeout(120)
final class StubChannelTest {
  private static final Metadata.Key<String> TEXT =
      Metadata.Key.of("text", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<byte[]> BINARY =
      Metadata.Key.of("some-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private FakeHost host;
  private DurableObjectStub stub;
  private FakeHost.Stub accepted;

  /** A stub with one call completed. */
  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub = host.client().namespace("ECHO").getByName("foo");
    accepted = host.acceptCalled(stub);
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  /** Answers the next invocation, in the background, for a caller that blocks. */
  private void answerNext(long sequence) {
    Thread answerer =
        new Thread(
            () -> {
              try {
                accepted.frame();
                accepted.answer(sequence, sequence);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    answerer.start();
  }

  @Test
  void everyKindOfGeneratedStubWorks() throws Exception {
    ListenableFuture<EchoMessage> future = EchoGrpc.newFutureStub(stub.channel()).echo(number(2));
    accepted.frame();
    accepted.answer(2, 2);
    assertThat(get(future)).isEqualTo(number(2));

    answerNext(3);
    assertThat(EchoGrpc.newBlockingStub(stub.channel()).echo(number(3))).isEqualTo(number(3));
    answerNext(4);
    assertThat(EchoGrpc.newBlockingV2Stub(stub.channel()).echo(number(4))).isEqualTo(number(4));

    BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    EchoGrpc.newStub(stub.channel())
        .echo(
            number(5),
            new StreamObserver<>() {
              @Override
              public void onNext(EchoMessage value) {
                events.add(value);
              }

              @Override
              public void onError(Throwable thrown) {
                events.add(thrown);
              }

              @Override
              public void onCompleted() {
                events.add("completed");
              }
            });
    accepted.frame();
    accepted.answer(5, 5);
    assertThat(await(events, "onNext")).isEqualTo(number(5));
    assertThat(await(events, "onCompleted")).isEqualTo("completed");
  }

  @Test
  void theNumberIsTakenInsideTheCallersCall() throws Exception {
    EchoGrpc.EchoFutureStub future = EchoGrpc.newFutureStub(stub.channel());
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (long n = 2; n <= 9; n += 2) { // Both kinds of call share one order.
      calls.add(future.echo(number(n)));
      calls.add(stub.call(EchoGrpc.getEchoMethod(), number(n + 1)));
    }
    accepted.answer(2, 5); // The four that left at once.
    long expected = 2;
    while (expected <= 9) {
      for (dev.seriatim.v1.Invocation invocation : accepted.frame().getInvocationsList()) {
        assertThat(invocation.getSequence()).isEqualTo(expected);
        assertThat(EchoMessage.parseFrom(invocation.getMessage())).isEqualTo(number(expected));
        expected++;
      }
    }
    accepted.answer(6, 9);
    assertThat(get(calls.get(7))).isEqualTo(number(9));
  }

  @Test
  void interceptorsSeeAndChangeCalls() throws Exception {
    List<String> seen = new ArrayList<>();
    Metadata headers = new Metadata();
    headers.put(TEXT, "from an interceptor");
    ClientInterceptor watching =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
              @Override
              public void start(Listener<R> listener, Metadata sent) {
                super.start(
                    new SimpleForwardingClientCallListener<>(listener) {
                      @Override
                      public void onHeaders(Metadata received) {
                        seen.add("headers");
                        super.onHeaders(received);
                      }

                      @Override
                      public void onMessage(R message) {
                        seen.add("message");
                        super.onMessage(message);
                      }

                      @Override
                      public void onClose(Status status, Metadata trailers) {
                        seen.add("close " + status.getCode());
                        super.onClose(status, trailers);
                      }
                    },
                    sent);
              }
            };
          }
        };
    Channel channel =
        ClientInterceptors.intercept(
            stub.channel(), watching, MetadataUtils.newAttachHeadersInterceptor(headers));
    ListenableFuture<EchoMessage> reply = EchoGrpc.newFutureStub(channel).echo(number(2));

    assertThat(accepted.invocation().getMetadataMap())
        .containsExactly("text", "from an interceptor");
    accepted.answer(2, 2);
    assertThat(get(reply)).isEqualTo(number(2));
    assertThat(seen).containsExactly("headers", "message", "close OK").inOrder();
  }

  @Test
  void headersTravelAsMetadata() throws Exception {
    Metadata headers = new Metadata();
    headers.put(TEXT, "one");
    headers.put(TEXT, "two");
    headers.put(BINARY, new byte[] {0, 1, (byte) 0xff, (byte) 0xfe});
    ListenableFuture<EchoMessage> unused =
        stub.call(EchoGrpc.getEchoMethod(), number(2), CallOptions.DEFAULT, headers);

    assertThat(accepted.invocation().getMetadataMap())
        .containsExactly("text", "one,two", "some-bin", "AAH//g==");
  }

  @Test
  void headersThatCannotTravelAreRefused() {
    Metadata reserved = new Metadata();
    reserved.put(Metadata.Key.of("grpc-foo", Metadata.ASCII_STRING_MARSHALLER), "x");
    assertRefused(reserved, "metadata key 'grpc-foo' is reserved");
    Metadata ours = new Metadata();
    ours.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "x");
    assertRefused(ours, "metadata key 'seriatim-object' is reserved");
    Metadata text = new Metadata();
    text.put(TEXT, "tab\t");
    assertRefused(text, "metadata value of 'text' has character U+0009");
    Metadata twice = new Metadata();
    twice.put(BINARY, new byte[0]);
    twice.put(BINARY, new byte[0]);
    assertRefused(twice, "metadata key 'some-bin' has 2 values, expected 1");
    assertThat(stub.isBroken()).isFalse();
  }

  private void assertRefused(Metadata headers, String message) {
    for (ListenableFuture<EchoMessage> call :
        List.of(
            stub.call(EchoGrpc.getEchoMethod(), number(2), CallOptions.DEFAULT, headers),
            EchoGrpc.newFutureStub(stub.channel())
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                .echo(number(2)))) {
      CallFailure failure = failureOf(call);
      assertThat(failure.reason()).isEqualTo(Reasons.CALL_REFUSED);
      assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
      assertThat(failure).hasMessageThat().contains(message);
    }
  }

  @Test
  void onlyUnaryMethodsTravel() throws Exception {
    Iterator<EchoMessage> watch = EchoGrpc.newBlockingStub(stub.channel()).watch(number(2));
    StatusRuntimeException refused = assertThrows(StatusRuntimeException.class, watch::hasNext);
    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNIMPLEMENTED);
    assertThat(refused).hasMessageThat().contains("is server-streaming");
    assertThat(CallFailure.of(refused).orElseThrow().reason()).isEqualTo(Reasons.CALL_REFUSED);

    CallFailure direct = failureOf(stub.call(EchoGrpc.getWatchMethod(), number(2)));
    assertThat(direct.code()).isEqualTo(Status.Code.UNIMPLEMENTED);
    assertThat(stub.isBroken()).isFalse();
    assertThat(accepted.hasFrame()).isFalse();
  }

  @Test
  void callCredentialsAreRefused() {
    CallCredentials credentials =
        new CallCredentials() {
          @Override
          public void applyRequestMetadata(
              RequestInfo requestInfo, Executor executor, MetadataApplier applier) {
            applier.apply(new Metadata());
          }
        };
    CallFailure failure =
        failureOf(
            EchoGrpc.newFutureStub(stub.channel())
                .withCallCredentials(credentials)
                .echo(number(2)));
    assertThat(failure.reason()).isEqualTo(Reasons.CALL_REFUSED);
    assertThat(failure).hasMessageThat().contains("put them on the channel under it");
  }

  @Test
  void callbacksRunOnTheCallsExecutorInTheCallersContext() throws Exception {
    Context.Key<String> key = Context.key("who");
    BlockingQueue<String> where = new LinkedBlockingQueue<>();
    Executor executor = task -> new Thread(task, "the call's executor").start();
    Context.current()
        .withValue(key, "me")
        .run(
            () ->
                EchoGrpc.newStub(stub.channel())
                    .withExecutor(executor)
                    .echo(
                        number(2),
                        new StreamObserver<>() {
                          @Override
                          public void onNext(EchoMessage value) {
                            where.add(Thread.currentThread().getName() + " for " + key.get());
                          }

                          @Override
                          public void onError(Throwable thrown) {}

                          @Override
                          public void onCompleted() {}
                        }));
    accepted.frame();
    accepted.answer(2, 2);

    assertThat(await(where, "onNext")).isEqualTo("the call's executor for me");
  }

  @Test
  void aListenerThatThrowsHarmsOnlyItsOwnCall() throws Exception {
    ClientCall<EchoMessage, EchoMessage> call =
        stub.channel().newCall(EchoGrpc.getEchoMethod(), CallOptions.DEFAULT);
    BlockingQueue<Status> closed = new LinkedBlockingQueue<>();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(EchoMessage message) {
            throw new IllegalStateException("can't take it");
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            closed.add(status);
            throw new IllegalStateException("nor that");
          }
        },
        new Metadata());
    call.request(2);
    call.sendMessage(number(2));
    call.halfClose();
    ListenableFuture<EchoMessage> next = stub.call(EchoGrpc.getEchoMethod(), number(3));
    accepted.framesThrough(3);
    accepted.answer(2, 3);

    Status status = await(closed, "onClose");
    assertThat(status.getCode()).isEqualTo(Status.Code.CANCELLED);
    CallFailure failure = CallFailure.of(status.asRuntimeException()).orElseThrow();
    assertThat(failure.fate()).isEqualTo(Fate.COMPLETED);
    assertThat(get(next)).isEqualTo(number(3));
  }

  @Test
  void aResponseWaitsUntilItIsRequested() throws Exception {
    ClientCall<EchoMessage, EchoMessage> call =
        stub.channel().newCall(EchoGrpc.getEchoMethod(), CallOptions.DEFAULT);
    CountDownLatch closed = new CountDownLatch(1);
    List<EchoMessage> received = new ArrayList<>();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(EchoMessage message) {
            received.add(message);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            closed.countDown();
          }
        },
        new Metadata());
    call.sendMessage(number(2));
    call.halfClose();
    ListenableFuture<EchoMessage> next = stub.call(EchoGrpc.getEchoMethod(), number(3));
    accepted.framesThrough(3);
    accepted.answer(2, 3);
    assertThat(get(next)).isEqualTo(number(3));
    assertThat(closed.getCount()).isEqualTo(1);

    call.request(1);
    await(closed, "onClose");
    assertThat(received).containsExactly(number(2));
  }

  @Test
  void aCallMisusedSaysSo() {
    ClientCall<EchoMessage, EchoMessage> call =
        stub.channel().newCall(EchoGrpc.getEchoMethod(), CallOptions.DEFAULT);
    assertThrows(IllegalStateException.class, () -> call.sendMessage(number(1)));
    assertThrows(IllegalStateException.class, call::halfClose);
    BlockingQueue<Status> closed = new LinkedBlockingQueue<>();
    ClientCall.Listener<EchoMessage> listener =
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            closed.add(status);
          }
        };
    call.start(listener, new Metadata());
    assertThrows(IllegalStateException.class, () -> call.start(listener, new Metadata()));
    call.halfClose();
    assertThat(closed.remove().getDescription())
        .isEqualTo("half-closed without a request [CALL_REFUSED, NOT_EXECUTED]");
    assertThrows(IllegalStateException.class, call::halfClose);
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void otherMarshallersThanProtobufWork() throws Exception {
    MethodDescriptor.Marshaller<String> text =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
          }

          @Override
          public String parse(InputStream stream) {
            try {
              return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          }
        };
    MethodDescriptor<String, String> method =
        MethodDescriptor.<String, String>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("other.Service/Method")
            .setRequestMarshaller(text)
            .setResponseMarshaller(text)
            .build();
    ListenableFuture<String> reply = stub.call(method, "hello");

    assertThat(accepted.invocation().getMessage().toStringUtf8()).isEqualTo("hello");
    accepted.answer(2, com.google.protobuf.ByteString.copyFromUtf8("there"));
    assertThat(get(reply)).isEqualTo("there");
  }
}
