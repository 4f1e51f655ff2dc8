package dev.seriatim.stub;

import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** One {@code ConnectMany} call, seen from the host: each of its lanes is a stub to the test. */
final class FakeSharedCall implements StreamObserver<ConnectManyRequest> {
  private final ServerCallStreamObserver<ConnectManyResponse> responses;
  private final Consumer<FakeHost.Stub> accepted;
  private final BlockingQueue<ConnectManyRequest> messages = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> ends = new LinkedBlockingQueue<>();
  private final Map<Long, FakeLane> lanes = new HashMap<>(); // The call's events' own.

  FakeSharedCall(
      ServerCallStreamObserver<ConnectManyResponse> responses, Consumer<FakeHost.Stub> accepted) {
    this.responses = responses;
    this.accepted = accepted;
    responses.disableAutoRequest();
    responses.request(Integer.MAX_VALUE);
    responses.setOnCancelHandler(
        () -> {
          ends.add("cancelled");
          lanes.values().forEach(FakeHost.Stub::cancelled);
        });
  }

  @Override
  public void onNext(ConnectManyRequest message) {
    messages.add(message);
    for (LaneRequest part : message.getLanesList()) {
      FakeLane lane = lanes.get(part.getLane());
      boolean first = lane == null;
      if (lane == null) {
        if (part.getLane() != lanes.size() + 1) {
          throw new AssertionError(
              "lane " + part.getLane() + " is opened, expected " + (lanes.size() + 1));
        }
        lane = new FakeLane(part.getLane());
        lanes.put(part.getLane(), lane);
      }
      lane.moreBytes.add(part.getMoreBytes());
      switch (part.getWhatCase()) {
        case FRAME -> lane.onNext(part.getFrame());
        case HALF_CLOSE -> lane.onCompleted();
        case CANCEL -> lane.cancelled();
        case WHAT_NOT_SET -> {}
      }
      if (first) {
        accepted.accept(lane);
      }
    }
  }

  @Override
  public void onError(Throwable thrown) {}

  @Override
  public void onCompleted() {
    ends.add("half-closed");
  }

  /** The next message. */
  ConnectManyRequest message() throws InterruptedException {
    return FakeHost.await(messages, "a message");
  }

  boolean hasMessage() {
    return !messages.isEmpty();
  }

  /** The next of "half-closed" and "cancelled". */
  String end() throws InterruptedException {
    return FakeHost.await(ends, "the client's end of the shared call");
  }

  boolean hasEnd() {
    return !ends.isEmpty();
  }

  void end(Status status) {
    synchronized (responses) {
      if (status.isOk()) {
        responses.onCompleted();
      } else {
        responses.onError(status.asRuntimeException());
      }
    }
  }

  void send(ConnectManyResponse message) {
    synchronized (responses) {
      responses.onNext(message);
    }
  }

  void send(LaneResponse.Builder part) {
    send(ConnectManyResponse.newBuilder().addLanes(part).build());
  }

  /** One lane. */
  final class FakeLane extends FakeHost.Stub {
    final long number;
    final BlockingQueue<Integer> moreBytes = new LinkedBlockingQueue<>();

    FakeLane(long number) {
      this.number = number;
    }

    @Override
    FakeHost.Stub send(ConnectResponse frame) {
      FakeSharedCall.this.send(LaneResponse.newBuilder().setLane(number).setFrame(frame));
      return this;
    }

    @Override
    void end(Status status) {
      com.google.rpc.Status.Builder end =
          com.google.rpc.Status.newBuilder().setCode(status.getCode().value());
      if (status.getDescription() != null) {
        end.setMessage(status.getDescription());
      }
      FakeSharedCall.this.send(LaneResponse.newBuilder().setLane(number).setEnd(end));
    }
  }
}
