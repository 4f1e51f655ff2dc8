package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.ClientProbeGrpc;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.conformance.v1.SayResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/**
 * An object for what the drivers of the clients call: fails in the ways that a text asks for, and
 * says any other text back. {@code scripts/failure-texts} shows with it how failures read.
 */
final class Sayer extends ClientProbeGrpc.ClientProbeImplBase {
  @Override
  public void say(SayRequest request, StreamObserver<SayResponse> reply) {
    switch (request.getText()) {
      case "throw" -> throw new IllegalStateException("no stock");
      case "refuse" ->
          throw Status.FAILED_PRECONDITION
              .withDescription("the order is closed")
              .asRuntimeException();
      case "wait" -> System.out.println("waiting"); // For ever: the turn ends with its reply.
      default -> {
        reply.onNext(SayResponse.newBuilder().setText(request.getText()).build());
        reply.onCompleted();
      }
    }
  }
}
