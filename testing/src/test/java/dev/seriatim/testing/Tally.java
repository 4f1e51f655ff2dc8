package dev.seriatim.testing;

import com.google.protobuf.Int64Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.testing.v1.AddRequest;
import dev.seriatim.testing.v1.AddResponse;
import dev.seriatim.testing.v1.RingRequest;
import dev.seriatim.testing.v1.RingResponse;
import dev.seriatim.testing.v1.TallyGrpc;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** The object of the test kit's own tests: a sum, and an alarm that writes down when it rings. */
final class Tally extends TallyGrpc.TallyImplBase implements AlarmHandler {
  static final String NAMESPACE = "TALLY";

  private final DurableObjectStorage storage;
  private final InstantSource clock;

  /** How many calls this instance has had. */
  private long calls;

  Tally(DurableObjectState state) {
    storage = state.storage();
    clock = state.clock();
  }

  static void addTo(DurableObjectHost.Builder host) {
    host.namespace(NAMESPACE, TallyGrpc.getServiceDescriptor(), Tally::new);
  }

  @Override
  public void add(AddRequest request, StreamObserver<AddResponse> reply) {
    calls++;
    long sum = storage.get("sum", Int64Value.getDefaultInstance()).getValue();
    if (request.getAmount() != 0) {
      sum += request.getAmount();
      storage.put("sum", Int64Value.of(sum));
    }
    reply.onNext(AddResponse.newBuilder().setSum(sum).setCalls(calls).build());
    reply.onCompleted();
  }

  @Override
  public void ring(RingRequest request, StreamObserver<RingResponse> reply) {
    storage.put("ring", request);
    storage.setAlarm(clock.instant().plus(toDuration(request.getAfter())));
    reply.onNext(RingResponse.getDefaultInstance());
    reply.onCompleted();
  }

  @Override
  public void alarm(DueAlarm due) {
    RingRequest ring = storage.get("ring", RingRequest.getDefaultInstance());
    if (due.retries() < ring.getFailures()) {
      throw new IllegalStateException("it fails as it was told");
    }
    Instant now = clock.instant();
    storage.put("rang/" + now, Int64Value.of(due.retries()));
    if (ring.hasEvery()) {
      storage.setAlarm(now.plus(toDuration(ring.getEvery())));
    }
  }

  private static Duration toDuration(com.google.protobuf.Duration duration) {
    return Duration.ofNanos(Durations.toNanos(duration));
  }
}
