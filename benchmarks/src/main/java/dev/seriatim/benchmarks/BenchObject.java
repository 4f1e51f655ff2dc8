package dev.seriatim.benchmarks;

import com.google.protobuf.Int64Value;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.stub.StreamObserver;

/** The object that is measured. */
final class BenchObject extends BenchGrpc.BenchImplBase {
  static final String NAMESPACE = "BENCH";

  private static final String VALUE = "value";

  private final DurableObjectStorage storage;

  BenchObject(DurableObjectState state) {
    storage = state.storage();
  }

  @Override
  public void echo(Payload request, StreamObserver<Payload> reply) {
    reply.onNext(request);
    reply.onCompleted();
  }

  @Override
  public void increment(Payload request, StreamObserver<Payload> reply) {
    long value = storage.get(VALUE, Int64Value.getDefaultInstance()).getValue() + 1;
    storage.put(VALUE, Int64Value.of(value));
    reply.onNext(request);
    reply.onCompleted();
  }
}
