package dev.seriatim.service.connect;

import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneRequest;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One {@code ConnectMany} call: many stubs, each on a {@link Lane}.
 *
 * <p>gRPC calls the listener's methods one at a time, on the transport's thread. There the parts of
 * a message are given to their lanes one after the other, and short turns run at once; so the
 * outcomes of many objects are there when the message is worked off, and leave together, by the
 * {@link LaneWriter}. A message that takes long, or whose turns do, goes on by a {@link Detour}.
 */
final class ManyCall extends ServerCall.Listener<ManyMessage> implements Arrivals.Owner {
  private static final int REQUEST_CHUNK = 8;

  /** For how long the transport's thread works at one message: it has others to read. */
  private static final long TRANSPORT_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final ServerCall<ManyMessage, EncodedFrame> call;
  private final ConnectService service;
  private final Identity identity = Identity.current();
  private final @Nullable Connection connection;
  private final LaneWriter writer;

  /** Those that haven't ended, by their numbers. Put in by the call's events; taken out by any. */
  private final ConcurrentMap<Long, Lane> lanes = new ConcurrentHashMap<>();

  // The transport thread's own.
  private final Detour inOrder = new Detour();
  private byte received;

  /** Whether what comes is dropped. */
  private volatile boolean over;

  /** Whether no lane is opened any more. Written by the call's events. */
  private volatile boolean halfClosed;

  /** Whether the host shuts down, and ends the call when no lane is open. */
  private volatile boolean draining;

  /** Whether the call is counted among its caller's on the connection. */
  private final boolean counted;

  /** Whether a lane was ever opened. Written by the call's events. */
  private volatile boolean used;

  // The transport thread's, or those of the one that the detour has, as long as it isn't empty.
  private long lastLane;

  /** Serves a call that has just come. */
  ManyCall(ServerCall<ManyMessage, EncodedFrame> call, ConnectService service) {
    this.call = call;
    this.service = service;
    this.connection = Connection.of(call.getAttributes());
    this.writer = new LaneWriter(call, connection == null ? null : connection.budget());
    call.sendHeaders(new Metadata());
    if (connection != null) {
      connection.own(this);
    }
    BreakCause tooMany = connection == null ? null : connection.oneTooMany();
    if (tooMany == null && connection != null) {
      tooMany = connection.beginCall(identity.caller());
    }
    counted = tooMany == null;
    if (tooMany != null) {
      over = true;
      writer.fail(Statuses.of(tooMany.toEnd()));
    }
    service.begin(this);
    call.request(2 * REQUEST_CHUNK);
  }

  ConnectService service() {
    return service;
  }

  /** Who makes it: the caller of each of its lanes. */
  Identity identity() {
    return identity;
  }

  /** Where it comes from, for people. */
  String peer() {
    return PeerAddress.of(call.getAttributes());
  }

  /** Whether a network carries it, rather than a caller's thread in this process. */
  boolean isOnTransport() {
    return connection != null;
  }

  // ---- the transport's thread

  @Override
  public void onMessage(ManyMessage message) {
    if (++received == REQUEST_CHUNK) {
      received = 0;
      call.request(REQUEST_CHUNK);
    }
    if (over) {
      return;
    }
    if (message.isLarge()) {
      detour(service.readers(), message.size(), () -> workOff(message, Long.MAX_VALUE));
    } else if (inOrder.isEmpty()) {
      Detour.Event left = workOff(message, System.nanoTime() + TRANSPORT_NANOS);
      if (left != null) {
        detour(later(), message.size(), left);
      }
    } else {
      detour(later(), message.size(), () -> workOff(message, sliceEnd()));
    }
  }

  /** Does something on the transport's thread, when that has looked at its other connections. */
  private @Nullable Executor later() {
    return connection == null ? null : connection.transport();
  }

  /** Until when an event may work that was put off. */
  private long sliceEnd() {
    return connection == null ? Long.MAX_VALUE : System.nanoTime() + TRANSPORT_NANOS;
  }

  private void detour(@Nullable Executor executor, int bytes, Detour.Event event) {
    BreakCause noRoom =
        inOrder.runOn(executor, connection == null ? null : connection.budget(), bytes, event);
    if (noRoom != null) {
      overloaded(noRoom);
    }
  }

  @Override
  public int maxMessageBytes(int maxFrameBytes) {
    return ManyMessage.maxBytes(maxFrameBytes);
  }

  /** Nobody knows whose it was, so that no lane can be told. */
  @Override
  public void overloaded(BreakCause cause) {
    fail(Statuses.of(cause.toEnd()));
  }

  @Override
  public void onHalfClose() {
    inOrder.run(
        later(),
        () -> {
          halfClosed = true;
          lanes.values().forEach(Lane::halfClosed);
          endIfDone();
        });
  }

  @Override
  public void onCancel() {
    ended();
  }

  @Override
  public void onComplete() {
    ended();
  }

  private void ended() {
    over = true;
    if (counted && connection != null) {
      connection.endCall(identity.caller());
    }
    writer.close();
    service.end(this);
    inOrder.run(
        later(),
        () -> {
          for (Lane lane : lanes.values()) {
            ended(lane);
            lane.lost();
          }
        });
  }

  @Override
  public void onReady() {
    writer.flush();
  }

  // ---- the same, or the thread that the detour has

  /**
   * Gives the parts of a message to their lanes.
   *
   * @param untilNanos when the rest is left for later; {@code MAX_VALUE} if it isn't the
   *     transport's thread
   * @return the rest, or null
   */
  private Detour.@Nullable Event workOff(ManyMessage message, long untilNanos) {
    if (over) {
      return null;
    }
    try {
      List<LaneRequest> parts = message.read();
      if (parts.isEmpty() && message.isFromHost()) {
        writer.beat();
        return null;
      }
      return workOff(parts, 0, untilNanos);
    } catch (IOException e) {
      fail(
          Status.INVALID_ARGUMENT.withDescription(
              "a message is not a ConnectManyRequest: " + e.getMessage()));
      return null;
    }
  }

  private Detour.@Nullable Event workOff(List<LaneRequest> parts, int from, long untilNanos) {
    boolean onTransport = untilNanos != Long.MAX_VALUE;
    int next = from;
    writer.hold();
    boolean round = onTransport && service.placement().beginRound();
    try {
      while (next < parts.size()
          && !over
          && !(onTransport && next > from && System.nanoTime() - untilNanos > 0)) {
        take(parts.get(next));
        next++;
      }
    } finally {
      if (round) {
        service.placement().endRound();
      }
      writer.release();
    }
    if (next < parts.size() && !over) {
      int rest = next;
      return () -> workOff(parts, rest, sliceEnd());
    }
    if (draining) {
      endIfDone(); // Not before: each lane is to be told.
    }
    return null;
  }

  private void take(LaneRequest part) {
    long number = part.lane();
    Lane lane = lanes.get(number);
    if (lane == null) {
      if (number != 0 && Long.compareUnsigned(number, lastLane) <= 0) {
        return; // It has ended.
      }
      if (number != lastLane + 1) {
        fail(
            Status.INVALID_ARGUMENT.withDescription(
                "lane %s is opened, expected %s"
                    .formatted(
                        Long.toUnsignedString(number), Long.toUnsignedString(lastLane + 1))));
        return;
      }
      lastLane = number;
      if (!used) {
        used = true;
      }
      lane = open(number);
      if (lane == null) {
        return;
      }
    }
    lane.take(part);
  }

  /** Null if it is one too many, which it was told. */
  private @Nullable Lane open(long number) {
    Lane lane = new Lane(this, number);
    BreakCause refusal = service.beginLane(lanes.size(), identity.caller(), connection);
    if (refusal != null) {
      lane.refuse(refusal);
      return null;
    }
    lanes.put(number, lane);
    return lane;
  }

  Frame readFrame(LaneRequest part) {
    EncodedFrame frame = part.frame();
    return frame == null ? Frame.of(new byte[0]) : service.frames().readWhole(frame.bytes());
  }

  // ---- any thread

  /** The call ends, for a fault that is no lane's. Its lanes learn it when it has. */
  private void fail(Status status) {
    over = true;
    writer.fail(status);
  }

  /** A lane has ended. May be called again. */
  void ended(Lane lane) {
    lane.ended();
    if (lanes.remove(lane.number(), lane)) {
      service.endLane(identity.caller(), connection);
      endIfDone();
    }
  }

  /** The host shuts down, and every stub has been told. */
  void drain() {
    draining = true;
    endIfDone();
  }

  private void endIfDone() {
    if (lanes.isEmpty()) {
      if (halfClosed) {
        writer.end(Status.OK);
      } else if (draining && used && !writer.isHeld()) {
        // Not before: a client that has just begun has sent something, of which it is to be told
        // that it
        // had no effect, and so of all the lanes of a message.
        over = true;
        writer.end(Status.UNAVAILABLE.withDescription("the host is shutting down"));
      }
    }
  }

  boolean hasRoomFor(Lane lane) {
    return writer.hasRoomFor(lane);
  }

  /** Sends a frame with outcomes, which the lane's session counts. */
  void sendOutcomes(Lane lane, EncodedFrame frame) {
    writer.add(lane, frame, /* last= */ null, /* counted= */ 0);
  }

  /** Sends something else, which is counted here. */
  void sendAside(Lane lane, @Nullable EncodedFrame frame, com.google.rpc.@Nullable Status end) {
    BreakCause noRoom = writer.addAside(lane, frame, end);
    if (noRoom != null) {
      overloaded(noRoom);
    }
  }
}
