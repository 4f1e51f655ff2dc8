package dev.seriatim.service;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.FailureCause;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A host of probes that asks who calls, and its clients. */
final class CallerHost implements AutoCloseable {
  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> OBJECT =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  /** What carries a call. */
  enum Way {
    CONNECT,
    MANY,
    HEADER
  }

  /** A clock that goes when the test says so. */
  static final class Clock implements InstantSource {
    private final AtomicReference<Instant> now =
        new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));

    @Override
    public Instant instant() {
      return now.get();
    }

    void advance(Duration time) {
      now.updateAndGet(before -> before.plus(time));
    }
  }

  /** Calls of {@code hold} run until the test says that they may end; others are echoes. */
  static final class Held implements Probe.Method {
    private final CountDownLatch running;
    private final CountDownLatch goOn = new CountDownLatch(1);

    Held(int turns) {
      running = new CountDownLatch(turns);
    }

    @Override
    public void call(Probe probe, Words request, StreamObserver<Words> reply) {
      if (request.getText().equals("hold")) {
        running.countDown();
        Wait.on(goOn, "the end of the turn");
      }
      Probe.echo(probe, request, reply);
    }

    /** Waits until as many run as there are. */
    void awaitRunning() {
      Wait.on(running, "the turns that are held");
    }

    void goOn() {
      goOn.countDown();
    }
  }

  final Clock clock = new Clock();
  private final DurableObjectHost host;
  private final ManagedChannel channel;

  private CallerHost(DurableObjectHost.Builder builder, boolean overNetwork) throws Exception {
    builder.storage(StorageOptions.memory().withClock(clock));
    if (overNetwork) {
      host =
          builder
              .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .build()
              .start();
      channel = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
    } else {
      String name = InProcessServerBuilder.generateName();
      host = builder.server(InProcessServerBuilder.forName(name)).build().start();
      channel = InProcessChannelBuilder.forName(name).build();
    }
  }

  static DurableObjectHost.Builder probes(Probe.Method method) {
    return DurableObjectHost.builder()
        .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(method));
  }

  static CallerHost overNetwork(DurableObjectHost.Builder builder) throws Exception {
    return new CallerHost(builder, /* overNetwork= */ true);
  }

  static CallerHost inProcess(DurableObjectHost.Builder builder) throws Exception {
    return new CallerHost(builder, /* overNetwork= */ false);
  }

  /** Lets in whoever shows {@code Bearer NAME}, but for some names. */
  static Optional<Authenticator.Verified> byName(Credentials credentials)
      throws AuthenticationException {
    String shown = credentials.headers().get(AUTHORIZATION);
    if (shown == null || !shown.startsWith("Bearer ")) {
      return Optional.empty();
    }
    String name = shown.substring("Bearer ".length());
    return switch (name) {
      case "stranger" -> Optional.empty();
      case "forged" -> throw AuthenticationException.refused("the signature is wrong");
      case "old" -> throw AuthenticationException.expired("the token ran out yesterday");
      case "poison" -> throw new IllegalStateException("a secret");
      default ->
          Optional.of(
              new Authenticator.Verified(
                  Caller.ofToken(name, Set.of("people"), Map.of("tenant", "acme")),
                  Optional.empty()));
    };
  }

  ManagedChannel channel() {
    return channel;
  }

  DurableObjectHost host() {
    return host;
  }

  /** The channel of someone who shows this; of someone who shows nothing, if null. */
  Channel as(@Nullable String token) {
    Metadata headers = new Metadata();
    if (token != null) {
      headers.put(AUTHORIZATION, "Bearer " + token);
    }
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  DurableObjectNamespace namespace(@Nullable String token, Way way) {
    ClientOptions.Builder options = ClientOptions.builder();
    if (way == Way.MANY) {
      options.sharedCalls(1);
    }
    return DurableObjects.on(as(token), options.build()).namespace(TestHost.PROBE, TestHost.PROBE);
  }

  DurableObjectStub stub(@Nullable String token, Way way, String object) {
    DurableObjectNamespace namespace = namespace(token, way);
    return object.startsWith("id:")
        ? namespace.get(namespace.idFromString(object.substring("id:".length())))
        : namespace.getByName(object);
  }

  static String idOf(String name) {
    return "id:" + new DurableObjectIds(TestHost.PROBE).fromName(name);
  }

  /** What comes of a call of {@code Do}: what it replies, or the reason why it didn't. */
  String call(@Nullable String token, Way way, String object, String text) {
    return call(token, way, ProbeGrpc.getDoMethod(), object, text);
  }

  String call(
      @Nullable String token,
      Way way,
      MethodDescriptor<Words, Words> method,
      String object,
      String text) {
    if (way == Way.HEADER) {
      Metadata named = new Metadata();
      named.put(OBJECT, TestHost.PROBE + "/" + object);
      Channel to =
          ClientInterceptors.intercept(as(token), MetadataUtils.newAttachHeadersInterceptor(named));
      try {
        return ClientCalls.blockingUnaryCall(
                to, method, io.grpc.CallOptions.DEFAULT, Probe.words(text))
            .getText();
      } catch (StatusRuntimeException e) {
        return reason(e);
      }
    }
    try (DurableObjectStub stub = stub(token, way, object)) {
      return call(stub, method, text);
    }
  }

  static String call(DurableObjectStub stub, String text) {
    return call(stub, ProbeGrpc.getDoMethod(), text);
  }

  static String call(DurableObjectStub stub, MethodDescriptor<Words, Words> method, String text) {
    try {
      return stub.call(method, Probe.words(text)).get(30, TimeUnit.SECONDS).getText();
    } catch (ExecutionException e) {
      return CallFailure.of(e).map(CallFailure::reason).orElse(String.valueOf(e.getCause()));
    } catch (TimeoutException e) {
      throw new AssertionError("never came: the answer of " + text, e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Why the stub breaks, when it does. */
  static FailureCause broken(DurableObjectStub stub) throws Exception {
    CompletableFuture<FailureCause> broken = new CompletableFuture<>();
    stub.onBreak(broken::complete);
    return Wait.on(broken, "the break of a stub");
  }

  /** The reason that the status of a call tells. */
  static String reason(StatusRuntimeException e) {
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    if (status == null || status.getDetailsCount() == 0) {
      return e.getStatus().getCode() + " without details";
    }
    try {
      return status.getDetails(0).unpack(com.google.rpc.ErrorInfo.class).getReason();
    } catch (com.google.protobuf.InvalidProtocolBufferException broken) {
      throw new AssertionError(broken);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    host.close();
  }
}
