package dev.seriatim.conformance;

import com.google.protobuf.Int64Value;
import dev.seriatim.conformance.v1.ClientProbeGrpc;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.conformance.v1.SayResponse;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/**
 * An object for what the drivers of the clients call: fails in the ways that a text asks for,
 * counts, and says any other text back. {@code scripts/failure-texts} shows with it how failures
 * read, and {@code scripts/exactly-once} what becomes of calls when hosts are killed.
 */
final class Sayer extends ClientProbeGrpc.ClientProbeImplBase {
  private static final Int64Value ZERO = Int64Value.getDefaultInstance();

  private final DurableObjectState state;

  Sayer(DurableObjectState state) {
    this.state = state;
  }

  @Override
  public void say(SayRequest request, StreamObserver<SayResponse> reply) {
    switch (request.getText()) {
      case "throw" -> throw new IllegalStateException("no stock");
      case "refuse" ->
          throw Status.FAILED_PRECONDITION
              .withDescription("the order is closed")
              .asRuntimeException();
      case "wait" -> System.out.println("waiting"); // For ever: the turn ends with its reply.
      case "count" -> {
        long count = state.storage().get("count", ZERO).getValue() + 1;
        state.storage().put("count", Int64Value.of(count));
        reply.onNext(SayResponse.newBuilder().setText(Long.toString(count)).build());
        reply.onCompleted();
      }
      default -> {
        reply.onNext(SayResponse.newBuilder().setText(request.getText()).build());
        reply.onCompleted();
      }
    }
  }
}
