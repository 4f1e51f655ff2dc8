package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.HeapSize;
import dev.seriatim.benchmarks.v1.Payload;
import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.lang.management.ManagementFactory;

/**
 * What bare gRPC does for the same work, below the generated code, and with nothing of its own in
 * between. Runs on the transport's threads; nothing in it blocks.
 */
final class BareService implements BindableService {
  @Override
  public ServerServiceDefinition bindService() {
    return ServerServiceDefinition.builder(BareGrpc.getServiceDescriptor())
        .addMethod(BareGrpc.getStreamMethod(), (call, headers) -> new StreamEcho(call))
        .addMethod(BareGrpc.getUnaryMethod(), (call, headers) -> new UnaryEcho(call))
        .addMethod(BareGrpc.getUsedHeapMethod(), ServerCalls.asyncUnaryCall(BareService::usedHeap))
        .build();
  }

  private static void usedHeap(Payload request, StreamObserver<HeapSize> reply) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      System.gc();
      least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
    reply.onNext(HeapSize.newBuilder().setBytes(least).build());
    reply.onCompleted();
  }

  /** Asks for all messages at once. */
  private static final class StreamEcho extends ServerCall.Listener<Payload> {
    private final ServerCall<Payload, Payload> call;

    StreamEcho(ServerCall<Payload, Payload> call) {
      this.call = call;
      call.sendHeaders(new Metadata());
      call.request(Integer.MAX_VALUE);
    }

    @Override
    public void onMessage(Payload message) {
      call.sendMessage(message);
    }

    @Override
    public void onHalfClose() {
      call.close(Status.OK, new Metadata());
    }
  }

  private static final class UnaryEcho extends ServerCall.Listener<Payload> {
    private final ServerCall<Payload, Payload> call;

    UnaryEcho(ServerCall<Payload, Payload> call) {
      this.call = call;
      call.request(1);
    }

    @Override
    public void onMessage(Payload message) {
      call.sendHeaders(new Metadata());
      call.sendMessage(message);
    }

    @Override
    public void onHalfClose() {
      call.close(Status.OK, new Metadata());
    }
  }
}
