package dev.seriatim.service.connect;

import com.google.common.collect.Lists;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.OneWriter;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneResponse;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers what the lanes of one call have to send, and sends it. Any thread may put something in;
 * whoever {@link #flush flushes} is the call's one writer, for as long as it does, with no lock
 * held while it sends.
 *
 * <p>While the call isn't ready for more, lanes may put in 256 KiB; then they wait in line, and
 * each has its turn when there is room again.
 */
final class LaneWriter extends OneWriter {
  private static final Logger logger = LoggerFactory.getLogger(LaneWriter.class);

  /** What there is room for before it is sent. */
  private static final int ROOM_BYTES = LaneMessages.FULL_MESSAGE_BYTES;

  /** About what a part takes in memory beside its bytes. */
  private static final int PART_BYTES = 120;

  private static final EncodedFrame EMPTY = EncodedFrame.ofBytes(new byte[0]);

  private final ServerCall<?, EncodedFrame> call;
  private final ArrivalBudget.@Nullable Part budget;
  private final Queue<Part> parts = new ConcurrentLinkedQueue<>();
  private final AtomicLong bytes = new AtomicLong();

  /** Whether what is put in waits for a moment, since more is about to come. */
  private volatile boolean held;

  /** Whether an empty message is to be sent. Written by whoever wants it, and the writer. */
  private volatile boolean beatDue;

  /**
   * With what the call ends when all has been sent; null as long as it doesn't. Written under the
   * lock.
   */
  private volatile @Nullable Status end;

  /** Whether it ends at once. Written before {@code end}. */
  private volatile boolean atOnce;

  /** Lanes that have something to send, and no room, the first one first. */
  @GuardedBy("awaitingRoom")
  private final ArrayDeque<Lane> awaitingRoom = new ArrayDeque<>();

  // The writer's own.
  private boolean closed;

  /**
   * What is to be sent.
   *
   * @param counted what the budget was told of it
   */
  private record Part(Lane lane, LaneResponse response, int counted) {
    /** What it takes in the writer's room. */
    int bytes() {
      EncodedFrame frame = response.frame();
      return PART_BYTES + (frame == null ? 0 : frame.size());
    }
  }

  /**
   * The writer of a call.
   *
   * @param budget counts what no session does, or null
   */
  LaneWriter(ServerCall<?, EncodedFrame> call, ArrivalBudget.@Nullable Part budget) {
    this.call = call;
    this.budget = budget;
  }

  // ---- in

  /** What is put in from now on waits until it is {@link #release released}, if it isn't much. */
  void hold() {
    held = true;
  }

  /** Whether a message is being worked off, so that more is about to come. */
  boolean isHeld() {
    return held;
  }

  void release() {
    held = false;
    flush();
  }

  void add(
      Lane lane, @Nullable EncodedFrame frame, com.google.rpc.@Nullable Status last, int counted) {
    Part part = new Part(lane, new LaneResponse(lane.number(), frame, last), counted);
    parts.add(part);
    if (bytes.addAndGet(part.bytes()) >= ROOM_BYTES / 2 || !held) {
      flush();
    }
  }

  /**
   * The same for what is no outcome, and so held back by nothing.
   *
   * @return why the client must first read what there is, or null
   */
  @Nullable BreakCause addAside(
      Lane lane, @Nullable EncodedFrame frame, com.google.rpc.@Nullable Status last) {
    int counted = budget == null ? 0 : PART_BYTES + (frame == null ? 0 : frame.size());
    if (budget != null) {
      budget.hold(counted);
    }
    add(lane, frame, last, counted);
    return budget == null || !budget.isOver() || call.isReady()
        ? null
        : BreakCause.of(
            BreakReason.OVERLOADED,
            "no room for what the client hasn't read of this call: " + budget.refusal());
  }

  /**
   * Whether this lane may put something in. If it may not, it is told when it may, and must ask
   * again.
   */
  boolean hasRoomFor(Lane lane) {
    if (bytes.get() < ROOM_BYTES) {
      return true;
    }
    synchronized (awaitingRoom) {
      if (lane.beginToAwaitRoom()) {
        awaitingRoom.add(lane);
      }
    }
    return bytes.get() < ROOM_BYTES; // The writer may have looked in between.
  }

  /** Ends the call when all has been sent, unless it ends anyway. */
  void end(Status status) {
    synchronized (awaitingRoom) {
      if (end == null) {
        end = status;
      }
    }
    flush();
  }

  /** Ends the call at once. */
  void fail(Status status) {
    synchronized (awaitingRoom) {
      atOnce = true;
      end = status;
    }
    flush();
  }

  /** The call is over: nothing is to be sent any more. */
  void close() {
    fail(Status.CANCELLED);
  }

  /** Has an empty message sent: whoever is at the other end wants to hear that somebody is here. */
  void beat() {
    beatDue = true;
    flush();
  }

  // ---- out

  @Override
  protected boolean sendNext() {
    boolean sent = sendMessage();
    if (sent) {
      letIn();
    }
    return sent;
  }

  /** Whether it may be called again at once. */
  private boolean sendMessage() {
    Status last = end;
    if (closed || (last != null && atOnce)) {
      drop();
      close(last);
      return false;
    }
    if (!call.isReady()) {
      return false;
    }
    if (beatDue) {
      beatDue = false;
      call.sendMessage(EMPTY);
    }
    Part part = parts.poll();
    if (part == null) {
      close(last);
      return false;
    }
    List<Part> sent = new ArrayList<>();
    int size = 0;
    while (part != null) {
      sent.add(part);
      size += LaneMessages.size(part.response());
      Part next = parts.peek();
      part =
          next == null
                  || size + LaneMessages.size(next.response()) > LaneMessages.FULL_MESSAGE_BYTES
              ? null
              : parts.poll();
    }
    call.sendMessage(LaneMessages.writeResponses(Lists.transform(sent, Part::response)));
    sent.forEach(this::letGo);
    return true;
  }

  private void letGo(Part part) {
    bytes.addAndGet(-part.bytes());
    if (budget != null && part.counted() != 0) {
      budget.hold(-part.counted());
    }
    if (part.response().end() != null || !part.lane().hasCredit()) {
      part.lane().delivered(); // Nothing else may follow soon that would say so.
    }
  }

  private void drop() {
    for (Part part = parts.poll(); part != null; part = parts.poll()) {
      letGo(part);
    }
  }

  private void close(@Nullable Status last) {
    if (last != null && !closed) {
      closed = true;
      call.close(last, new Metadata());
    }
  }

  /** The call can't be written to. Its lanes learn it when it has ended. */
  @Override
  protected void failed(Throwable thrown) {
    logger.warn("a call of many stubs is lost: it failed", thrown);
    drop();
    try {
      close(Status.INTERNAL.withDescription("the host could not send: " + Legible.of(thrown)));
    } catch (RuntimeException | Error e) {
      logger.debug("a call of many stubs, which is lost, stays open", e);
    }
  }

  /** Lets lanes that wait put something in, one after the other, as long as there is room. */
  private void letIn() {
    while (bytes.get() < ROOM_BYTES) {
      Lane lane;
      synchronized (awaitingRoom) {
        lane = awaitingRoom.poll();
        if (lane == null) {
          return;
        }
        lane.hasRoom();
      }
      lane.ready();
    }
  }
}
