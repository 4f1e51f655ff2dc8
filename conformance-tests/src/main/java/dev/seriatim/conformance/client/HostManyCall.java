package dev.seriatim.conformance.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.SharedCallScript;
import dev.seriatim.v1.ConnectManyRequest;
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
import org.jspecify.annotations.Nullable;

/**
 * A call of {@code ConnectMany} at the scripted host: gives each lane its parts, on each of which a
 * script is played, and checks what the client sends. Fields without another word are guarded by
 * {@code this}; no lane is called with it locked.
 */
final class HostManyCall extends ServerCall.Listener<byte[]> {
  private final int number;
  private final SharedCallScript script;
  private final ServerCall<byte[], byte[]> call;
  private final @Nullable String authorization;
  private final ScriptedHost host;

  /** Held while events are taken in, one after the other. Comes before any other lock. */
  private final Object takingIn = new Object();

  // Guarded by it.
  private final List<Runnable> waiting = new ArrayList<>(); // Until the client is told anything.
  private boolean silent;

  private final Map<Long, HostLane> lanes = new LinkedHashMap<>();
  private final List<LaneResponse> heldBack = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private long lastLane;
  private int messages;
  private int withInvocations;
  private boolean holdsBack;
  private boolean halfClosed;
  private boolean ended; // Whoever ended it.

  /**
   * Serves a call.
   *
   * @param number 1 for the first one of the case
   */
  HostManyCall(
      int number,
      SharedCallScript script,
      ServerCall<byte[], byte[]> call,
      @Nullable String authorization,
      ScriptedHost host) {
    this.number = number;
    this.script = script;
    this.call = call;
    this.authorization = authorization;
    this.host = host;
    this.silent = script.hasEnd() || !script.getAwaitSignal().isEmpty();
  }

  int number() {
    return number;
  }

  @Nullable String authorization() {
    return authorization;
  }

  boolean atSecondHost() {
    return host.isSecond(call);
  }

  /**
   * Says at once that there is such a method, as the client may wait for that, unless the script
   * says nothing yet.
   */
  void start() {
    synchronized (takingIn) {
      if (silent) {
        Thread.ofVirtual().start(this::breakSilence);
      } else {
        call.sendHeaders(new Metadata());
      }
    }
    call.request(host.stopsReading() ? 1 : Integer.MAX_VALUE);
  }

  private void breakSilence() {
    try {
      if (!script.getAwaitSignal().isEmpty()) {
        host.awaitSignal(script.getAwaitSignal(), HostCall.PATIENCE);
      }
      if (script.hasEnd()) {
        awaitMessage();
        end(script.getEnd());
        return;
      }
      synchronized (takingIn) {
        silent = false;
        synchronized (this) {
          call.sendHeaders(new Metadata());
        }
        waiting.forEach(Runnable::run);
        waiting.clear();
      }
    } catch (ScriptException | InterruptedException e) {
      problem(String.valueOf(e.getMessage()));
      end(HostEnd.newBuilder().setCodeValue(Status.Code.INTERNAL.value()).build());
    }
  }

  private synchronized void awaitMessage() throws ScriptException, InterruptedException {
    long end = System.nanoTime() + HostCall.PATIENCE.toNanos();
    while (messages == 0) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new ScriptException("the first message never came");
      }
      wait(Math.max(1, left / 1_000_000));
    }
  }

  // ---- what the client does

  /** Takes an event in when its turn has come. */
  private void takeIn(Runnable event) {
    synchronized (takingIn) {
      if (silent) {
        waiting.add(event);
      } else {
        event.run();
      }
    }
  }

  @Override
  public void onMessage(byte[] message) {
    synchronized (takingIn) {
      count(message);
      takeIn(() -> take(message));
    }
  }

  private void count(byte[] message) {
    boolean invokes;
    try {
      invokes =
          ConnectManyRequest.parseFrom(message).getLanesList().stream()
              .anyMatch(part -> part.getFrame().getInvocationsCount() > 0);
    } catch (InvalidProtocolBufferException e) {
      invokes = false; // This will be told.
    }
    synchronized (this) {
      messages++;
      withInvocations += invokes ? 1 : 0;
      if (silent && messages > 1) {
        problem("message " + messages + " came, though the host has said nothing, expected one");
      }
      notifyAll();
    }
  }

  private void take(byte[] message) {
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
    takeIn(
        () -> {
          synchronized (this) {
            halfClosed = true;
          }
          host.signal(script.getSignalHalfClose());
          lanes().forEach(HostLane::callHalfClosed);
          closeIfDone();
        });
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

  // ---- what the scripts do

  /** Sends parts in one message. */
  synchronized void send(List<LaneResponse> parts) {
    if (holdsBack) {
      heldBack.addAll(parts);
    } else if (!parts.isEmpty()) {
      sendBytes(ByteString.copyFrom(LaneMessages.writeResponses(parts).bytes()));
    }
  }

  /** Sends what may be no message at all. */
  synchronized void sendBytes(ByteString message) {
    if (!ended && !call.isCancelled()) {
      call.sendMessage(message.toByteArray());
    }
  }

  /** Lets what lanes send wait. */
  synchronized void holdBack() {
    holdsBack = true;
  }

  /** Sends what has waited. */
  synchronized void letGo() {
    holdsBack = false;
    List<LaneResponse> parts = new ArrayList<>();
    int size = 0;
    for (LaneResponse part : heldBack) {
      size += LaneMessages.size(part);
      if (size > LaneMessages.FULL_MESSAGE_BYTES) {
        send(parts);
        parts.clear();
        size = LaneMessages.size(part);
      }
      parts.add(part);
    }
    heldBack.clear();
    send(parts);
  }

  /** Ends the call, and with it all lanes. */
  void end(HostEnd end) {
    synchronized (this) {
      if (!ended && !call.isCancelled()) {
        call.close(OwnCall.status(end), OwnCall.trailers(end));
      }
    }
    hasEnded();
  }

  /** The host has ended a lane. */
  void laneEnded() {
    takeMore();
    closeIfDone();
  }

  private void closeIfDone() {
    boolean done = lanes().stream().allMatch(HostLane::isOver);
    synchronized (this) {
      if (done && halfClosed && !ended && !call.isCancelled()) {
        ended = true;
        call.close(Status.OK, new Metadata());
        notifyAll();
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
    if (messages == 0) {
      problem("the call began, and no message came");
    }
    if (script.getMaxMessages() > 0 && withInvocations > script.getMaxMessages()) {
      problem(
          withInvocations
              + " messages with invocations came, expected at most "
              + script.getMaxMessages());
    }
    if (script.getHalfClose() && !halfClosed) {
      problem("it was never half-closed");
    }
    return List.copyOf(problems);
  }
}
