package dev.seriatim.service;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import dev.seriatim.v1.Outcome;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;

/** A call of {@code ConnectMany} as bare messages. */
final class LanesByHand {
  private final StreamObserver<ConnectManyRequest> call;
  private final ConcurrentMap<Long, CompletableFuture<Outcome>> answers = new ConcurrentHashMap<>();
  private final ConcurrentMap<Long, CompletableFuture<Broken>> broken = new ConcurrentHashMap<>();

  LanesByHand(Channel channel) {
    call =
        DurableObjectsGrpc.newStub(channel)
            .connectMany(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ConnectManyResponse response) {
                    response.getLanesList().forEach(LanesByHand.this::take);
                  }

                  @Override
                  public void onError(Throwable t) {}

                  @Override
                  public void onCompleted() {}
                });
  }

  private void take(LaneResponse part) {
    for (Outcome outcome : part.getFrame().getOutcomesList()) {
      answerOf(part.getLane()).complete(outcome);
    }
    if (part.getFrame().hasBroken()) {
      brokenOf(part.getLane()).complete(part.getFrame().getBroken());
    }
  }

  private CompletableFuture<Outcome> answerOf(long lane) {
    return answers.computeIfAbsent(lane, _ -> new CompletableFuture<>());
  }

  private CompletableFuture<Broken> brokenOf(long lane) {
    return broken.computeIfAbsent(lane, _ -> new CompletableFuture<>());
  }

  /** Opens a lane on the probe of this name, and says hello. */
  void open(long lane, String name) {
    ConnectRequest.Builder first = ConnectRequest.newBuilder().setOpen(TestHost.byName(name));
    first
        .addInvocationsBuilder()
        .setSequence(1)
        .setMethod("Do")
        .setMessage(Probe.words("hello").toByteString());
    call.onNext(
        ConnectManyRequest.newBuilder()
            .addLanes(LaneRequest.newBuilder().setLane(lane).setFrame(first))
            .build());
  }

  /** Waits for the first outcome of a lane. */
  String answer(long lane) throws Exception {
    try {
      return Words.parseFrom(answerOf(lane).get(30, TimeUnit.SECONDS).getMessage()).getText();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits until a lane's stub is broken, and says why. */
  String broken(long lane) throws Exception {
    return TestStub.info(brokenOf(lane).get(30, TimeUnit.SECONDS)).getReason();
  }
}
