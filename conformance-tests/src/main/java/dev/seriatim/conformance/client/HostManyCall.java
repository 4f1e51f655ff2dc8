package dev.seriatim.conformance.client;

import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneRequest.What;
import dev.seriatim.wire.LaneResponse;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A call of {@code ConnectMany} at the scripted host: gives each lane its parts, on each of which a
 * script is played, and checks what the client sends. Fields without another word are guarded by
 * {@code this}; no lane is called with it locked.
 */
final class HostManyCall extends ServerCall.Listener<byte[]> {
  private final int number;
  private final ServerCall<byte[], byte[]> call;
  private final ScriptedHost host;

  private final Map<Long, HostLane> lanes = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private long lastLane;
  private boolean halfClosed;
  private boolean ended; // Whoever ended it.

  /**
   * Serves a call.
   *
   * @param number 1 for the first one of the case
   */
  HostManyCall(int number, ServerCall<byte[], byte[]> call, ScriptedHost host) {
    this.number = number;
    this.call = call;
    this.host = host;
  }

  /** Says at once that there is such a method, as the client may wait for that. */
  void start() {
    call.sendHeaders(new Metadata());
    call.request(host.stopsReading() ? 1 : Integer.MAX_VALUE);
  }

  // ---- what the client does

  @Override
  public void onMessage(byte[] message) {
    try {
      List<LaneRequest> parts = LaneMessages.readRequests(message);
      checkSize(parts);
      parts.forEach(this::take);
    } catch (IOException e) {
      problem("a message is no ConnectManyRequest: " + e.getMessage());
    }
    takeMore();
  }

  private void takeMore() {
    if (host.stopsReading() && lanes().stream().allMatch(HostLane::takesMore)) {
      call.request(1);
    }
  }

  private void checkSize(List<LaneRequest> parts) {
    int size = parts.stream().mapToInt(LaneMessages::size).sum();
    if (parts.isEmpty()) {
      problem("a message has no parts");
    }
    if (parts.size() > 1 && size > LaneMessages.FULL_MESSAGE_BYTES) {
      problem(
          "a message has "
              + parts.size()
              + " parts of "
              + size
              + " bytes, expected at most "
              + LaneMessages.FULL_MESSAGE_BYTES);
    }
  }

  private void take(LaneRequest part) {
    HostLane lane;
    synchronized (this) {
      lane = lanes.get(part.lane());
    }
    if (lane == null) {
      checkOpening(part);
      lane = new HostLane(part.lane(), this, host);
      synchronized (this) {
        lanes.put(part.lane(), lane);
      }
    }
    lane.take(part);
  }

  private synchronized void checkOpening(LaneRequest part) {
    String name = "lane " + Long.toUnsignedString(part.lane());
    if (part.lane() != lastLane + 1) {
      problem(name + " was opened, expected lane " + (lastLane + 1));
    }
    if (part.what() != What.FRAME) {
      problem(name + " began with " + part.what() + ", expected a frame");
    }
    lastLane = part.lane();
  }

  @Override
  public void onHalfClose() {
    synchronized (this) {
      halfClosed = true;
    }
    lanes().forEach(HostLane::callHalfClosed);
    closeIfDone();
  }

  @Override
  public void onCancel() {
    hasEnded();
  }

  @Override
  public void onComplete() {
    hasEnded();
  }

  private void hasEnded() {
    synchronized (this) {
      ended = true;
      notifyAll();
    }
    lanes().forEach(HostLane::callEnded);
  }

  // ---- for the lanes

  /** Sends parts in one message. */
  synchronized void send(List<LaneResponse> parts) {
    if (!parts.isEmpty() && !ended && !call.isCancelled()) {
      call.sendMessage(LaneMessages.writeResponses(parts).bytes());
    }
  }

  /** The host has ended a lane. */
  void laneEnded() {
    takeMore();
    closeIfDone();
  }

  private void closeIfDone() {
    if (lanes().stream().allMatch(HostLane::isOver)) {
      synchronized (this) {
        if (halfClosed && !ended && !call.isCancelled()) {
          ended = true;
          call.close(Status.OK, new Metadata());
          notifyAll();
        }
      }
    }
  }

  private synchronized List<HostLane> lanes() {
    return List.copyOf(lanes.values());
  }

  synchronized void problem(String text) {
    problems.add("at the host, shared call " + number + ": " + text);
  }

  // ---- the end

  /** Waits until it has ended, and gives what was wrong. */
  synchronized List<String> end(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (!ended) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        problem("the call goes on, though the client was closed");
        break;
      }
      wait(Math.max(1, left / 1_000_000));
    }
    if (lastLane == 0) {
      problem("the call began, and no lane was opened");
    }
    return List.copyOf(problems);
  }
}
