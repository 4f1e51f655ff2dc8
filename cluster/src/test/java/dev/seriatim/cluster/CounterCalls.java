package dev.seriatim.cluster;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.stub.DurableObjectStub;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** Calls of a {@link Recorder}, and what came of them. */
final class CounterCalls {
  private static final long PATIENCE_SECONDS = 120;

  private CounterCalls() {}

  static ListenableFuture<CounterValue> call(DurableObjectStub stub, long amount) {
    return stub.call(
        CounterGrpc.getIncrementMethod(), IncrementRequest.newBuilder().setAmount(amount).build());
  }

  static long get(ListenableFuture<CounterValue> answer) throws Exception {
    return answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).getValue();
  }

  /** What a call failed with, which has to fail. */
  static String failure(ListenableFuture<CounterValue> answer) throws Exception {
    try {
      answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      throw new AssertionError("expected a failure");
    } catch (ExecutionException e) {
      return String.valueOf(e.getCause());
    }
  }
}
