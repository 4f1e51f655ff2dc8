package dev.seriatim.server.cli;

import com.google.protobuf.Int64Value;
import dev.seriatim.server.cli.tally.GetRequest;
import dev.seriatim.server.cli.tally.IncrementRequest;
import dev.seriatim.server.cli.tally.Line;
import dev.seriatim.server.cli.tally.Lines;
import dev.seriatim.server.cli.tally.TallyGrpc;
import dev.seriatim.server.cli.tally.TallyValue;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/** A number, and lines. */
class TallyObject extends TallyGrpc.TallyImplBase {
  private final DurableObjectStorage storage;

  TallyObject(DurableObjectState state) {
    storage = state.storage();
  }

  @Override
  public void increment(IncrementRequest request, StreamObserver<TallyValue> reply) {
    if (request.getAmount() == 0) {
      throw Status.INVALID_ARGUMENT
          .withDescription("amount 0, expected any other number")
          .asRuntimeException();
    }
    storage.put("value", Int64Value.of(value() + request.getAmount()));
    get(GetRequest.getDefaultInstance(), reply);
  }

  @Override
  public void get(GetRequest request, StreamObserver<TallyValue> reply) {
    reply.onNext(TallyValue.newBuilder().setValue(value()).build());
    reply.onCompleted();
  }

  @Override
  public void append(Line request, StreamObserver<Lines> reply) {
    Lines lines =
        storage.get("lines", Lines.getDefaultInstance()).toBuilder().addLines(request).build();
    storage.put("lines", lines);
    reply.onNext(lines);
    reply.onCompleted();
  }

  private long value() {
    return storage.get("value", Int64Value.getDefaultInstance()).getValue();
  }
}
