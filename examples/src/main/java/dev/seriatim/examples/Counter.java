package dev.seriatim.examples;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/**
 * The smallest durable object: a number.
 *
 * <p>There is no lock: one turn runs at a time, and each sees what the one before it did. The reply
 * leaves when the value is durable.
 */
final class Counter extends CounterGrpc.CounterImplBase {
  private static final String VALUE = "value";

  private final DurableObjectStorage storage;

  Counter(DurableObjectState state) {
    storage = state.storage();
  }

  @Override
  public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
    if (request.getAmount() == 0) {
      throw Status.INVALID_ARGUMENT
          .withDescription("amount 0, expected any other number")
          .asRuntimeException();
    }
    long value = Math.addExact(value().getValue(), request.getAmount());
    storage.put(VALUE, CounterValue.newBuilder().setValue(value).build());
    reply.onNext(value());
    reply.onCompleted();
  }

  @Override
  public void get(GetRequest request, StreamObserver<CounterValue> reply) {
    reply.onNext(value());
    reply.onCompleted();
  }

  private CounterValue value() {
    return storage.get(VALUE, CounterValue.getDefaultInstance());
  }
}
