package dev.seriatim.testing;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Int64Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.testing.v1.AddRequest;
import dev.seriatim.testing.v1.AddResponse;
import dev.seriatim.testing.v1.RingRequest;
import dev.seriatim.testing.v1.TallyGrpc;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Calls of {@link Tally}, for tests. */
final class Tallies {
  private Tallies() {}

  static AddResponse add(DurableObjectStub stub, long amount) {
    return add(stub.channel(), amount);
  }

  static AddResponse add(Channel channel, long amount) {
    return TallyGrpc.newBlockingStub(channel).add(request(amount));
  }

  /** The sum, in a call that writes nothing. */
  static long sum(DurableObjectStub stub) {
    return add(stub, 0).getSum();
  }

  /** Doesn't wait. */
  static Future<AddResponse> begin(DurableObjectStub stub, long amount) {
    return TallyGrpc.newFutureStub(stub.channel()).add(request(amount));
  }

  static void ring(DurableObjectStub stub, RingRequest request) {
    var _ = TallyGrpc.newBlockingStub(stub.channel()).ring(request);
  }

  static void ringAfterSeconds(DurableObjectStub stub, long seconds) {
    ring(stub, RingRequest.newBuilder().setAfter(Durations.fromSeconds(seconds)).build());
  }

  private static AddRequest request(long amount) {
    return AddRequest.newBuilder().setAmount(amount).build();
  }

  static long storedSum(TestObject object) {
    return object.get("sum", Int64Value.getDefaultInstance()).getValue();
  }

  /** How the next call of the stub fails. */
  static CallFailure failure(DurableObjectStub stub) {
    return CallFailure.of(assertThrows(StatusRuntimeException.class, () -> add(stub, 1)))
        .orElseThrow();
  }

  /** How this call fails. */
  static CallFailure failure(Future<AddResponse> call) {
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> call.get(30, TimeUnit.SECONDS));
    return CallFailure.of(requireNonNull(e.getCause())).orElseThrow();
  }
}
