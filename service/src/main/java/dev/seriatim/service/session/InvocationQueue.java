package dev.seriatim.service.session;

import dev.seriatim.wire.Invocation;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * One stub's way in: what its client has sent waits here, in its order and within its limits, until
 * it is run. What wakes the object for it is the {@link Session}.
 *
 * <p>Two threads meet here without a lock, and each owns its fields: the attachment's thread
 * numbers and puts in, the turn thread takes out, one frame after the other. Any thread may {@link
 * #discard} what waits.
 */
final class InvocationQueue {
  /**
   * At the end of an inbound frame, a frame goes out when it has this many outcomes, even if
   * another inbound frame waits: the client gets on with its next frame while that one is worked
   * off.
   */
  private static final int SHARED_FRAME_OUTCOMES = 32;

  private final QueueBudget budget;
  private final Queue<Inbound> waiting = new ConcurrentLinkedQueue<>();

  // The attachment thread's own.
  private long nextSequence;
  private boolean sealed;

  // The turn thread's own: the frame that is being worked off, until its last turn has ended.
  private Inbound.@Nullable Invocations frame;
  private int nextInFrame;

  InvocationQueue(QueueBudget budget, long firstSequence) {
    this.budget = budget;
    this.nextSequence = firstSequence;
  }

  // ---- the attachment's thread

  /** Whether whatever comes is discarded. */
  boolean isSealed() {
    return sealed;
  }

  /** Nothing comes behind what is here. False if that was so before. */
  boolean seal() {
    boolean first = !sealed;
    sealed = true;
    return first;
  }

  /** The number of the last invocation that came in its place. */
  long lastSequence() {
    return nextSequence - 1;
  }

  /** Counts the first of these invocations as come, as many as have the next numbers. */
  int number(List<Invocation> invocations) {
    int valid = 0;
    for (Invocation invocation : invocations) {
      if (invocation.sequence() != nextSequence) {
        break;
      }
      nextSequence++;
      valid++;
    }
    return valid;
  }

  /**
   * Takes room for the first of a frame's invocations.
   *
   * @param valid how many have their numbers
   * @param bytes the size of the frame
   * @return those that fit, which are to be {@link #put in}; null if none do
   */
  Inbound.@Nullable Invocations takeRoom(
      List<Invocation> invocations, int valid, int bytes, SessionHost host) {
    if (valid == 0) {
      return null;
    }
    long room = bytes + Session.INVOCATION_BYTES * valid;
    int fit = budget.take(valid, room);
    return fit == 0
        ? null
        : new Inbound.Invocations(
            fit == invocations.size() ? invocations : invocations.subList(0, fit),
            room,
            host.nanos());
  }

  /**
   * Why the stub breaks behind the first of a frame's invocations; null if it doesn't.
   *
   * @param valid how many have their numbers
   * @param fit how many of these had room
   */
  @Nullable BreakCause fault(List<Invocation> invocations, int valid, int fit, int bytes) {
    if (fit < valid) {
      return BreakCause.of(
              BreakReason.OVERLOADED,
              "no room for %,d more invocations of a frame of %,d bytes: %s"
                  .formatted(valid - fit, bytes, budget.refusal()))
          .blaming(invocations.get(fit).sequence());
    }
    if (valid < invocations.size()) {
      long sequence = invocations.get(valid).sequence();
      return BreakCause.of(
              BreakReason.SEQUENCE_VIOLATION,
              "sequence %s, expected %s"
                  .formatted(Long.toUnsignedString(sequence), Long.toUnsignedString(nextSequence)))
          .blaming(sequence);
    }
    return null;
  }

  /** Puts this behind what is here. */
  void put(Inbound item) {
    waiting.add(item);
  }

  // ---- the turn thread

  /** Lets invocations begin with this number. Before any has come. */
  void beginAt(long sequence) {
    nextSequence = sequence;
  }

  /** The frame that is being worked off; null between two. */
  Inbound.@Nullable Invocations frame() {
    return frame;
  }

  /** The next thing that waits behind it, taken; null if there is none. */
  @Nullable Inbound poll() {
    return waiting.poll();
  }

  /** The next thing that waits behind it; null if there is none. */
  @Nullable Inbound peek() {
    return waiting.peek();
  }

  /** This frame, which was taken, is worked off from now on. */
  Inbound.Invocations begin(Inbound.Invocations next) {
    // Its invocations don't queue any more; its bytes are there until the last is worked off.
    budget.release(next.invocations().size(), 0);
    frame = next;
    nextInFrame = 0;
    return next;
  }

  /** Which of the frame's invocations is the next. */
  int nextInFrame() {
    return nextInFrame;
  }

  /** The next invocation of this frame, which is being worked off, taken. */
  Invocation next(Inbound.Invocations current) {
    return current.invocations().get(nextInFrame++);
  }

  /** When the invocation that was taken last, and whose turn has not ended, had arrived. */
  long arrivedNanos() {
    return Objects.requireNonNull(frame).arrivedNanos();
  }

  /**
   * A turn has ended well.
   *
   * @return with how many outcomes a frame goes out now; what is here may soon add more
   */
  int turnEnded() {
    Inbound.Invocations current = frame;
    if (current != null) {
      if (nextInFrame < current.invocations().size()) {
        return OutcomeLine.FULL_FRAME_OUTCOMES;
      }
      letGo(current);
    }
    return waiting.isEmpty() ? 1 : SHARED_FRAME_OUTCOMES;
  }

  /** What is left of the frame never runs. */
  void abandonFrame() {
    Inbound.Invocations current = frame;
    if (current != null) {
      letGo(current);
    }
  }

  /** It is worked off, or will never be. Before its client can know: it may go on at once. */
  private void letGo(Inbound.Invocations current) {
    frame = null;
    budget.release(0, current.room());
  }

  // ---- any thread

  /** Whether nothing is left to be run. For others than the turn thread it is a hint. */
  boolean isWorkedOff() {
    return frame == null && waiting.isEmpty();
  }

  /**
   * Drops what waits. Each item is taken, and its room released, by one thread.
   *
   * @return whether a turn that has begun has left a frame behind, for the turn thread
   */
  boolean discard() {
    for (Inbound item = waiting.poll(); item != null; item = waiting.poll()) {
      if (item instanceof Inbound.Invocations taken) {
        budget.release(taken.invocations().size(), taken.room());
      }
    }
    return frame != null;
  }
}
