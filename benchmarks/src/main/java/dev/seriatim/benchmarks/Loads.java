package dev.seriatim.benchmarks;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The loads: every one on a connection of its own, with its callbacks on the transport's thread.
 */
final class Loads {
  private Loads() {}

  static ManagedChannel connect(int port) {
    return NettyChannelBuilder.forAddress("127.0.0.1", port)
        .usePlaintext()
        .directExecutor()
        .build();
  }

  static Payload payload(int bytes) {
    return Payload.newBuilder().setData(ByteString.copyFrom(new byte[bytes])).build();
  }

  /** R1 and R2: a bare bidirectional stream, one message for each call. */
  static Load.Opener bareStream(int port, int bytes) {
    return bareStreams(port, bytes, 1);
  }

  /** The same on this many streams, in turn. */
  static Load.Opener bareStreams(int port, int bytes, int count) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      Payload payload = payload(bytes);
      List<ClientCall<Payload, Payload>> calls = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        calls.add(openStream(channel, onAnswer));
      }
      AtomicInteger next = new AtomicInteger();
      return new Load() {
        @Override
        public void issue() {
          ClientCall<Payload, Payload> call = calls.get(turn(next, count));
          synchronized (call) { // A call may be made by the thread that starts the loop, too.
            call.sendMessage(payload);
          }
        }

        @Override
        public void close() {
          channel.shutdownNow();
        }
      };
    };
  }

  private static ClientCall<Payload, Payload> openStream(
      ManagedChannel channel, Runnable onAnswer) {
    ClientCall<Payload, Payload> call =
        channel.newCall(BareGrpc.getStreamMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(Payload message) {
            onAnswer.run();
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            if (status.getCode() != Status.Code.UNAVAILABLE
                && status.getCode() != Status.Code.CANCELLED) {
              throw status.asRuntimeException();
            }
          }
        },
        new Metadata());
    call.request(Integer.MAX_VALUE);
    return call;
  }

  private static int turn(AtomicInteger next, int count) {
    return count == 1 ? 0 : (next.getAndIncrement() & Integer.MAX_VALUE) % count;
  }

  /** R3: a bare unary call for each call, through the generated future stub. */
  static Load.Opener bareUnary(int port, int bytes) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      BareGrpc.BareFutureStub stub = BareGrpc.newFutureStub(channel);
      Payload payload = payload(bytes);
      return futures(() -> stub.unary(payload), onAnswer, channel);
    };
  }

  /** Seriatim, by {@link DurableObjectStub#call}, on this many objects with a stub each. */
  static Load.Opener direct(
      int port, MethodDescriptor<Payload, Payload> method, int bytes, int objects) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      List<DurableObjectStub> stubs = stubs(channel, objects);
      Payload payload = payload(bytes);
      AtomicInteger next = new AtomicInteger();
      return futures(() -> stubs.get(turn(next, objects)).call(method, payload), onAnswer, channel);
    };
  }

  /** Seriatim, through the generated future stub, on one object. */
  static Load.Opener future(int port, boolean durable, int bytes) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      BenchGrpc.BenchFutureStub stub =
          BenchGrpc.newFutureStub(stubs(channel, 1).getFirst().channel());
      Payload payload = payload(bytes);
      return futures(
          () -> durable ? stub.increment(payload) : stub.echo(payload), onAnswer, channel);
    };
  }

  static List<DurableObjectStub> stubs(ManagedChannel channel, int count) {
    DurableObjectNamespace namespace =
        DurableObjects.on(
                channel, ClientOptions.builder().executor(MoreExecutors.directExecutor()).build())
            .namespace(BenchObject.NAMESPACE);
    List<DurableObjectStub> stubs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      stubs.add(namespace.getByName("bench-" + i));
    }
    return stubs;
  }

  private interface Call {
    ListenableFuture<Payload> make();
  }

  private static Load futures(Call call, Runnable onAnswer, ManagedChannel channel) {
    FutureCallback<Payload> callback =
        new FutureCallback<>() {
          @Override
          public void onSuccess(Payload response) {
            onAnswer.run();
          }

          @Override
          public void onFailure(Throwable failure) {
            throw new IllegalStateException("a call failed", failure);
          }
        };
    return new Load() {
      @Override
      public void issue() {
        Futures.addCallback(call.make(), callback, MoreExecutors.directExecutor());
      }

      @Override
      public void close() {
        channel.shutdownNow();
      }
    };
  }
}
