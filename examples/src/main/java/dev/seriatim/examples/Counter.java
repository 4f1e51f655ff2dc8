package dev.seriatim.examples;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/**
 * The smallest durable object: a number.
 *
 * <p>The field needs no lock: one turn runs at a time, and each sees what the one before it did.
 */
final class Counter extends CounterGrpc.CounterImplBase {
  private long value;

  Counter(DurableObjectState state) {}

  @Override
  public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
    if (request.getAmount() == 0) {
      throw Status.INVALID_ARGUMENT
          .withDescription("amount 0, expected any other number")
          .asRuntimeException();
    }
    value = Math.addExact(value, request.getAmount());
    answer(reply);
  }

  @Override
  public void get(GetRequest request, StreamObserver<CounterValue> reply) {
    answer(reply);
  }

  private void answer(StreamObserver<CounterValue> reply) {
    reply.onNext(CounterValue.newBuilder().setValue(value).build());
    reply.onCompleted();
  }
}
