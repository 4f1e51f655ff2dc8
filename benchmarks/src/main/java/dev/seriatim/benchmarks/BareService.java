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

/** What bare gRPC does for the same work. Runs on the transport's threads; nothing in it blocks. */
final class BareService implements BindableService {
  @Override
  public ServerServiceDefinition bindService() {
    return ServerServiceDefinition.builder(BareGrpc.getServiceDescriptor())
        .addMethod(BareGrpc.getStreamMethod(), (call, headers) -> new EchoListener(call))
        .addMethod(BareGrpc.getUnaryMethod(), ServerCalls.asyncUnaryCall(BareService::echo))
        .addMethod(BareGrpc.getUsedHeapMethod(), ServerCalls.asyncUnaryCall(BareService::usedHeap))
        .build();
  }

  private static void echo(Payload request, StreamObserver<Payload> reply) {
    reply.onNext(request);
    reply.onCompleted();
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

  /** Below the generated code: it asks for all messages at once, and adds nothing of its own. */
  private static final class EchoListener extends ServerCall.Listener<Payload> {
    private final ServerCall<Payload, Payload> call;

    EchoListener(ServerCall<Payload, Payload> call) {
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
}
