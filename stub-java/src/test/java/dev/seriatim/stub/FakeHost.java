package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.v1.Route;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A host whose every answer is up to the test: it takes {@code Connect} calls, shows their frames
 * and sends what it is told to send, right or wrong. Real gRPC, in process unless asked otherwise.
 */
final class FakeHost extends DurableObjectsGrpc.DurableObjectsImplBase implements AutoCloseable {
  static final String UNIQUE_KEY = "test key";
  static final DurableObjectIds IDS = new DurableObjectIds(UNIQUE_KEY);

  private static final long PATIENCE_SECONDS = 60;

  final AtomicInteger descriptions = new AtomicInteger();
  final BlockingQueue<DescribeNamespaceResponse> describeAnswers = new LinkedBlockingQueue<>();

  private final BlockingQueue<Stub> stubs = new LinkedBlockingQueue<>();
  private final BlockingQueue<FakeSharedCall> sharedCalls = new LinkedBlockingQueue<>();
  private final AtomicInteger refusedSharedCalls = new AtomicInteger();
  private volatile boolean servesSharedCalls = true;
  private final String address = InProcessServerBuilder.generateName();
  private final Server server;
  private final ManagedChannel channel;

  FakeHost() throws IOException {
    server = InProcessServerBuilder.forName(address).addService(this).build().start();
    channel = InProcessChannelBuilder.forName(address).build();
  }

  DurableObjects client() {
    // On a slow machine nothing is late.
    return client(ClientOptions.builder().openTimeout(Duration.ofMinutes(1)).build());
  }

  DurableObjects client(ClientOptions options) {
    return DurableObjects.on(channel, OnLanes.options(options));
  }

  /** By which it is known in this process. */
  String address() {
    return address;
  }

  ManagedChannel channel() {
    return channel;
  }

  /** The next stub that was opened. */
  Stub accept() throws InterruptedException {
    return await(stubs, "a Connect call");
  }

  /** The stub named foo, whose first call is made here, and answered. */
  Stub acceptCalled(DurableObjectStub stub) throws Exception {
    Future<EchoMessage> first = stub.call(EchoGrpc.getEchoMethod(), number(1));
    Stub accepted = accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(first)).isEqualTo(number(1));
    return accepted;
  }

  boolean hasStub() {
    return !stubs.isEmpty();
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
  }

  @Override
  public StreamObserver<ConnectRequest> connect(StreamObserver<ConnectResponse> responses) {
    ServerCallStreamObserver<ConnectResponse> call =
        (ServerCallStreamObserver<ConnectResponse>) responses;
    Stub stub =
        new Stub() {
          @Override
          Stub send(ConnectResponse frame) {
            call.onNext(frame);
            return this;
          }

          @Override
          void end(Status status) {
            if (status.isOk()) {
              call.onCompleted();
            } else {
              call.onError(status.asRuntimeException());
            }
          }
        };
    // So many that the client is never held up by the transport.
    call.disableAutoRequest();
    call.request(Integer.MAX_VALUE);
    // Told behind a half-close, too, as onError isn't.
    call.setOnCancelHandler(stub::cancelled);
    stubs.add(stub);
    return stub;
  }

  /** The next shared call that was begun. */
  FakeSharedCall acceptShared() throws InterruptedException {
    return await(sharedCalls, "a ConnectMany call");
  }

  boolean hasShared() {
    return !sharedCalls.isEmpty();
  }

  int refusedSharedCalls() {
    return refusedSharedCalls.get();
  }

  /** Knows no shared calls from now on. */
  void serveNoSharedCalls() {
    servesSharedCalls = false;
  }

  @Override
  public StreamObserver<ConnectManyRequest> connectMany(
      StreamObserver<ConnectManyResponse> responses) {
    if (!servesSharedCalls) {
      refusedSharedCalls.incrementAndGet();
      return super.connectMany(responses);
    }
    FakeSharedCall call =
        new FakeSharedCall((ServerCallStreamObserver<ConnectManyResponse>) responses, stubs::add);
    sharedCalls.add(call);
    return call;
  }

  @Override
  public void describeNamespace(
      DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> response) {
    descriptions.incrementAndGet();
    DescribeNamespaceResponse scripted = describeAnswers.poll();
    if (request.getName().equals("NOWHERE")) {
      response.onError(Status.NOT_FOUND.withDescription("no NOWHERE here").asRuntimeException());
      return;
    }
    response.onNext(
        scripted != null
            ? scripted
            : DescribeNamespaceResponse.newBuilder()
                .setName(request.getName())
                .setUniqueKey(UNIQUE_KEY)
                .build());
    response.onCompleted();
  }

  static <T> T await(BlockingQueue<T> queue, String what) throws InterruptedException {
    T next = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError(what + " never came");
    }
    return next;
  }

  /** The result of a call, in bounded time. */
  static <T> T get(Future<T> call) throws Exception {
    return call.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** The failure of a call that must fail, in bounded time. */
  static CallFailure failureOf(Future<?> call) {
    return CallFailure.of(assertThrows(ExecutionException.class, () -> get(call))).orElseThrow();
  }

  static void await(CountDownLatch latch, String what) throws InterruptedException {
    if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError(what + " never came");
    }
  }

  static EchoMessage number(long number) {
    return EchoMessage.newBuilder().setNumber(number).build();
  }

  static Outcome outcome(long sequence, EchoMessage message) {
    return Outcome.newBuilder().setSequence(sequence).setMessage(message.toByteString()).build();
  }

  static ConnectResponse.Builder outcomes(long from, long to) {
    ConnectResponse.Builder frame = ConnectResponse.newBuilder();
    for (long sequence = from; sequence <= to; sequence++) {
      frame.addOutcomes(outcome(sequence, number(sequence)));
    }
    return frame;
  }

  static Broken.Builder broken(Code code, String reason, long completedThrough) {
    return Broken.newBuilder()
        .setCause(
            com.google.rpc.Status.newBuilder()
                .setCode(code.getNumber())
                .setMessage("because of " + reason)
                .addDetails(
                    com.google.protobuf.Any.pack(
                        com.google.rpc.ErrorInfo.newBuilder()
                            .setReason(reason)
                            .setDomain("seriatim.dev")
                            .build())))
        .setCompletedThrough(completedThrough)
        .setFailedSequence(completedThrough + 1);
  }

  /** One {@code Connect} call, or one lane, seen from the host. */
  abstract static class Stub implements StreamObserver<ConnectRequest> {
    private final BlockingQueue<ConnectRequest> frames = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> ends = new LinkedBlockingQueue<>();

    /** The last invocation that has come, to this or an earlier connection. Guarded by this. */
    private long received;

    abstract Stub send(ConnectResponse frame);

    abstract void end(Status status);

    final void cancelled() {
      ends.add("cancelled");
    }

    @Override
    public void onNext(ConnectRequest frame) {
      frames.add(frame);
      int count = frame.getInvocationsCount();
      if (count > 0) {
        receive(frame.getInvocations(count - 1).getSequence());
      }
    }

    private synchronized void receive(long through) {
      received = Math.max(received, through);
      notifyAll();
    }

    @Override
    public void onError(Throwable thrown) {}

    @Override
    public void onCompleted() {
      ends.add("half-closed");
    }

    ConnectRequest frame() throws InterruptedException {
      return await(frames, "a frame");
    }

    /** The frames, up to the one with this invocation. */
    List<ConnectRequest> framesThrough(long sequence) throws InterruptedException {
      List<ConnectRequest> seen = new ArrayList<>();
      while (true) {
        ConnectRequest frame = frame();
        seen.add(frame);
        int count = frame.getInvocationsCount();
        if (count > 0 && frame.getInvocations(count - 1).getSequence() >= sequence) {
          return seen;
        }
      }
    }

    Invocation invocation() throws InterruptedException {
      ConnectRequest frame = frame();
      if (frame.getInvocationsCount() != 1) {
        throw new AssertionError("expected one invocation in " + frame);
      }
      return frame.getInvocations(0);
    }

    boolean hasFrame() {
      return !frames.isEmpty();
    }

    boolean hasEnd() {
      return !ends.isEmpty();
    }

    /** The next of "half-closed" and "cancelled". */
    String end() throws InterruptedException {
      return await(ends, "the client's end of the call");
    }

    Stub opened(String name) {
      return opened(Opened.newBuilder().setId(IDS.fromName(name).toString()).setName(name));
    }

    /** Is an edge: the object is at another host. */
    Stub opened(String name, FakeHost owner, int prefixBits) {
      return opened(
          Opened.newBuilder()
              .setId(IDS.fromName(name).toString())
              .setName(name)
              .setRoute(Route.newBuilder().setAddress(owner.address()).setPrefixBits(prefixBits)));
    }

    /** Takes part in sessions, and stands here. */
    Stub opened(String name, long completedThrough) {
      receive(completedThrough); // On an earlier connection.
      return opened(
          Opened.newBuilder()
              .setId(IDS.fromName(name).toString())
              .setName(name)
              .setSession(
                  OpenedSession.newBuilder()
                      .setCompletedThrough(completedThrough)
                      .setRetention(com.google.protobuf.Duration.newBuilder().setSeconds(600))));
    }

    private Stub opened(Opened.Builder opened) {
      return send(ConnectResponse.newBuilder().setOpened(opened).build());
    }

    /** Answers with the number of each invocation, when it has come. */
    Stub answer(long from, long to) {
      awaitReceived(to);
      return send(outcomes(from, to).build());
    }

    /** Answers an invocation, when it has come. */
    Stub answer(long sequence, ByteString message) {
      awaitReceived(sequence);
      return send(
          ConnectResponse.newBuilder()
              .addOutcomes(Outcome.newBuilder().setSequence(sequence).setMessage(message))
              .build());
    }

    /** A client opens its call before it sends what is to be answered, and may be slow. */
    private synchronized void awaitReceived(long sequence) {
      long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      try {
        while (received < sequence) {
          long millis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
          if (millis <= 0) {
            throw new AssertionError(
                "invocation %d never came, the last is %d".formatted(sequence, received));
          }
          wait(millis);
        }
      } catch (InterruptedException e) {
        throw new AssertionError("interrupted before invocation " + sequence + " came", e);
      }
    }

    /** Breaks the stub as a host should: the frame, then the same as the status. */
    void breakWith(Broken.Builder broken) {
      send(ConnectResponse.newBuilder().setBroken(broken).build());
      end(
          Status.fromCodeValue(broken.getCause().getCode())
              .withDescription(broken.getCause().getMessage()));
    }
  }
}
