package dev.seriatim.benchmarks;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.benchmarks.v1.Amount;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.benchmarks.v1.Sum;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** What is measured: calls through Seriatim's stubs. */
final class StubLoads {
  private static final Metadata.Key<String> OBJECT_HEADER =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> KEY_HEADER =
      Metadata.Key.of("seriatim-idempotency-key", Metadata.ASCII_STRING_MARSHALLER);

  private StubLoads() {}

  /** By {@link DurableObjectStub#call}: echoes on this many objects, with a stub each. */
  static Load.Opener echo(int port, int bytes, int objects) {
    return echo(port, bytes, objects, /* sharedCalls= */ 0);
  }

  /**
   * The same.
   *
   * @param sharedCalls how many calls carry the stubs; 0 for one each
   */
  static Load.Opener echo(int port, int bytes, int objects, int sharedCalls) {
    return direct(
        port,
        BenchObject.NAMESPACE,
        BenchGrpc.getEchoMethod(),
        Loads.payload(bytes),
        objects,
        sharedCalls);
  }

  /** By {@link DurableObjectStub#call}: echoes on one object, by a client with these options. */
  static Load.Opener echo(int port, int bytes, ClientOptions.Builder options) {
    return echo(port, bytes, options, new Metadata());
  }

  /** The same, with headers on the call that carries the stub. */
  static Load.Opener echo(int port, int bytes, Metadata headers) {
    return echo(port, bytes, ClientOptions.builder(), headers);
  }

  private static Load.Opener echo(
      int port, int bytes, ClientOptions.Builder options, Metadata headers) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      DurableObjectStub stub =
          DurableObjects.on(
                  ClientInterceptors.intercept(
                      channel, MetadataUtils.newAttachHeadersInterceptor(headers)),
                  options.executor(MoreExecutors.directExecutor()).build())
              .namespace(BenchObject.NAMESPACE)
              .getByName("bench-0");
      Payload payload = Loads.payload(bytes);
      return load(() -> stub.call(BenchGrpc.getEchoMethod(), payload), 1, channel, onAnswer);
    };
  }

  /** By {@link DurableObjectStub#call}: increments on one object of this namespace. */
  static Load.Opener increment(int port, String namespace) {
    return direct(
        port, namespace, BenchGrpc.getIncrementMethod(), Loads.payload(Loads.SMALL), 1, 0);
  }

  /** By {@link DurableObjectStub#call}: one more on the counter that the peers have, too. */
  static Load.Opener count(int port, MethodDescriptor<Amount, Sum> method) {
    return direct(port, Counter.NAMESPACE, method, Amount.newBuilder().setAmount(1).build(), 1, 0);
  }

  /**
   * By {@link DurableObjectStub#call}, on a stub that outlives its connections, or one that
   * doesn't.
   */
  static Load.Opener beside(
      int port, String namespace, MethodDescriptor<Payload, Payload> method, boolean resumable) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      DurableObjectNamespace names = namespace(channel, namespace);
      DurableObjectStub stub = (resumable ? names.resumable() : names).getByName("bench-0");
      Payload payload = Loads.payload(Loads.SMALL);
      return load(() -> stub.call(method, payload), 1, channel, onAnswer);
    };
  }

  private static <Q, A> Load.Opener direct(
      int port,
      String namespace,
      MethodDescriptor<Q, A> method,
      Q request,
      int objects,
      int sharedCalls) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      DurableObjectNamespace names = namespace(channel, namespace, sharedCalls);
      List<DurableObjectStub> stubs = names(objects).stream().map(names::getByName).toList();
      Supplier<DurableObjectStub> next = Loads.inTurn(stubs);
      return load(() -> next.get().call(method, request), objects, channel, onAnswer);
    };
  }

  /** Echoes on this many objects, each call through a stub that is opened for it and closed. */
  static Load.Opener eachCall(int port, int bytes, int objects, int sharedCalls) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      DurableObjectNamespace namespace = namespace(channel, BenchObject.NAMESPACE, sharedCalls);
      Payload payload = Loads.payload(bytes);
      Supplier<String> next = Loads.inTurn(names(objects));
      return load(
          () -> {
            DurableObjectStub stub = namespace.getByName(next.get());
            ListenableFuture<Payload> answer = stub.call(BenchGrpc.getEchoMethod(), payload);
            stub.close();
            return answer;
          },
          objects,
          channel,
          onAnswer);
    };
  }

  /** Echoes on this many objects without Seriatim's client: unary calls with a header. */
  static Load.Opener headerCall(int port, int bytes, int objects) {
    return headerCall(port, bytes, objects, new Metadata());
  }

  /** The same, with these headers beside that one. */
  static Load.Opener headerCall(int port, int bytes, int objects, Metadata beside) {
    Supplier<String> next = Loads.inTurn(names(objects));
    return BareLoads.unary(
        port,
        BenchGrpc.getEchoMethod(),
        bytes,
        () -> {
          Metadata header = header(next.get());
          header.merge(beside);
          return header;
        });
  }

  /**
   * Increments without Seriatim's client, on an object of this name.
   *
   * @param keys whether each call has an idempotency key, a new one
   */
  static Load.Opener headerIncrement(int port, String name, boolean keys) {
    AtomicLong key = new AtomicLong();
    return BareLoads.unary(
        port,
        BenchGrpc.getIncrementMethod(),
        Loads.SMALL,
        () -> {
          Metadata header = header(name);
          if (keys) {
            header.put(KEY_HEADER, "key-" + key.incrementAndGet());
          }
          return header;
        });
  }

  private static Metadata header(String name) {
    Metadata header = new Metadata();
    header.put(OBJECT_HEADER, BenchObject.NAMESPACE + "/" + name);
    return header;
  }

  private static List<String> names(int objects) {
    return IntStream.range(0, objects).mapToObj(i -> "bench-" + i).toList();
  }

  /** Echoes through the generated future stub, on one object. */
  static Load.Opener futureEcho(int port, int bytes) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      BenchGrpc.BenchFutureStub stub = futureStub(channel);
      Payload payload = Loads.payload(bytes);
      return load(() -> stub.echo(payload), 1, channel, onAnswer);
    };
  }

  /** Increments through the generated future stub, on one object. */
  static Load.Opener futureIncrement(int port) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      BenchGrpc.BenchFutureStub stub = futureStub(channel);
      Payload payload = Loads.payload(Loads.SMALL);
      return load(() -> stub.increment(payload), 1, channel, onAnswer);
    };
  }

  private static BenchGrpc.BenchFutureStub futureStub(ManagedChannel channel) {
    return BenchGrpc.newFutureStub(
        namespace(channel, BenchObject.NAMESPACE).getByName("bench-0").channel());
  }

  /** A namespace whose calls are answered on the transport's thread. */
  static DurableObjectNamespace namespace(ManagedChannel channel, String name) {
    return namespace(channel, name, /* sharedCalls= */ 0);
  }

  /**
   * The same.
   *
   * @param sharedCalls how many calls carry the stubs; 0 for one each
   */
  static DurableObjectNamespace namespace(ManagedChannel channel, String name, int sharedCalls) {
    return DurableObjects.on(
            channel,
            ClientOptions.builder()
                .executor(MoreExecutors.directExecutor())
                .sharedCalls(sharedCalls)
                .build())
        .namespace(name);
  }

  /** A load of these calls. */
  static <A> Load load(
      Supplier<ListenableFuture<A>> call, int width, ManagedChannel channel, Runnable onAnswer) {
    FutureCallback<A> callback =
        new FutureCallback<>() {
          @Override
          public void onSuccess(A answer) {
            onAnswer.run();
          }

          @Override
          public void onFailure(Throwable failure) {
            throw new IllegalStateException("a call failed", failure);
          }
        };
    Runnable send = () -> Futures.addCallback(call.get(), callback, MoreExecutors.directExecutor());
    return new Load(send, width, channel);
  }
}
