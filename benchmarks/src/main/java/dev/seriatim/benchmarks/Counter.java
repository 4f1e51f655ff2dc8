package dev.seriatim.benchmarks;

import com.google.protobuf.Int64Value;
import dev.seriatim.benchmarks.v1.Amount;
import dev.seriatim.benchmarks.v1.CounterGrpc;
import dev.seriatim.benchmarks.v1.Sum;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.stub.StreamObserver;

/** The counter that the peers have, too. */
final class Counter extends CounterGrpc.CounterImplBase {
  static final String NAMESPACE = "COUNTER";

  private static final String SUM = "sum";

  private final DurableObjectStorage storage;
  private long sum;

  Counter(DurableObjectState state) {
    storage = state.storage();
  }

  @Override
  public void add(Amount request, StreamObserver<Sum> reply) {
    sum += request.getAmount();
    reply.onNext(Sum.newBuilder().setSum(sum).build());
    reply.onCompleted();
  }

  @Override
  public void addStored(Amount request, StreamObserver<Sum> reply) {
    long stored =
        storage.get(SUM, Int64Value.getDefaultInstance()).getValue() + request.getAmount();
    storage.put(SUM, Int64Value.of(stored));
    reply.onNext(Sum.newBuilder().setSum(stored).build());
    reply.onCompleted();
  }
}
