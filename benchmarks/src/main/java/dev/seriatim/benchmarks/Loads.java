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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The loads: every one on a connection of its own, with its callbacks on the transport's thread.
 */
final class Loads {
  /** The payload of most figures, in bytes. */
  static final int SMALL = 32;

  private static final long END_SECONDS = 5;

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
        public int width() {
          return count;
        }

        @Override
        public void close() {
          end(channel);
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
      return futures(() -> stub.unary(payload), 1, onAnswer, channel);
    };
  }

  /** Seriatim, by {@link DurableObjectStub#call}: echoes on this many objects, a stub each. */
  static Load.Opener echo(int port, int bytes, int objects) {
    return direct(port, BenchObject.NAMESPACE, BenchGrpc.getEchoMethod(), bytes, objects);
  }

  /** The same with durable increments on one object of this namespace. */
  static Load.Opener increment(int port, String namespace) {
    return direct(port, namespace, BenchGrpc.getIncrementMethod(), SMALL, 1);
  }

  private static Load.Opener direct(
      int port,
      String namespace,
      MethodDescriptor<Payload, Payload> method,
      int bytes,
      int objects) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      List<DurableObjectStub> stubs = stubs(channel, namespace, objects);
      Payload payload = payload(bytes);
      AtomicInteger next = new AtomicInteger();
      return futures(
          () -> stubs.get(turn(next, objects)).call(method, payload), objects, onAnswer, channel);
    };
  }

  /** Seriatim, through the generated future stub, on one object. */
  static Load.Opener future(int port, boolean durable, int bytes) {
    return onAnswer -> {
      ManagedChannel channel = connect(port);
      BenchGrpc.BenchFutureStub stub =
          BenchGrpc.newFutureStub(stubs(channel, BenchObject.NAMESPACE, 1).getFirst().channel());
      Payload payload = payload(bytes);
      return futures(
          () -> durable ? stub.increment(payload) : stub.echo(payload), 1, onAnswer, channel);
    };
  }

  /** The objects that are measured, called with callbacks on the transport's thread. */
  static DurableObjectNamespace objects(ManagedChannel channel, String namespace) {
    return DurableObjects.on(
            channel, ClientOptions.builder().executor(MoreExecutors.directExecutor()).build())
        .namespace(namespace);
  }

  private static List<DurableObjectStub> stubs(
      ManagedChannel channel, String namespace, int count) {
    DurableObjectNamespace objects = objects(channel, namespace);
    List<DurableObjectStub> stubs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      stubs.add(objects.getByName("bench-" + i));
    }
    return stubs;
  }

  /** Ends a connection, so that the load behind it doesn't run into the next one. */
  private static void end(ManagedChannel channel) {
    channel.shutdownNow();
    try {
      channel.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private interface Call {
    ListenableFuture<Payload> make();
  }

  private static Load futures(Call call, int width, Runnable onAnswer, ManagedChannel channel) {
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
      public int width() {
        return width;
      }

      @Override
      public void close() {
        end(channel);
      }
    };
  }
}
