package dev.seriatim.stub;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one shared call knows: the lanes that are on it and their numbers, which of them have
 * something to send, when the next message may leave, and whether the call is to take new lanes, or
 * to end.
 *
 * <p>It decides and does nothing. It has no thread, no lock and no clock, and doesn't know what a
 * lane is. {@link SharedCall} has it, under its lock.
 *
 * @param <L> what stands for a lane
 */
final class SharedLedger<L> {
  /** With fewer messages than this unanswered, what there is to send leaves at once. */
  static final int UNANSWERED_MESSAGES = 4;

  /** So many lanes in line are enough for a message, however many wait for a word. */
  static final int ENOUGH_LANES = 256;

  /** After so long without a message sent, it leaves anyway: not every message has an answer. */
  static final long PATIENCE_NANOS = 1_000_000;

  /** What is to be done next to the call. */
  enum Step {
    /** To send a message with what the {@link #line()} has; done when it is {@link #sending}. */
    SEND,
    HALF_CLOSE,
    /** The same, of a call on which nothing was ever sent. */
    CANCEL,
    /** Nothing, as things stand. */
    REST
  }

  private final Map<Long, L> lanes = new HashMap<>(); // That have a number, and have not ended.
  private int attached; // All that have not ended.
  private long lastLane;

  private ArrayDeque<L> line = new ArrayDeque<>(); // Those that have something to send.
  private final ArrayDeque<Long> cancellations = new ArrayDeque<>(1); // To be sent.

  private boolean sent; // Anything.
  private boolean begun; // The host is known to serve the call.
  private boolean answered; // It has sent anything.
  private int unanswered; // Messages.
  private int waiting; // Lanes that sent a frame in this period, and have had no word since.
  private int period = 1; // Another one begins when time has passed; 0 is none.
  private long lastSentNanos;

  private boolean retired; // No lane is taken any more.
  private boolean closed; // Half-closed, or cancelled before anything was sent.
  private boolean over;

  // ---- lanes -----------------------------------------------------------------------------------

  /** Takes a lane. False if the call takes none any more. */
  boolean attach() {
    if (retired || over) {
      return false;
    }
    attached++;
    return true;
  }

  /** Gives the next number to a lane. */
  long open(L lane) {
    lanes.put(++lastLane, lane);
    return lastLane;
  }

  /**
   * The lane with this number; null if it has ended.
   *
   * @throws HostViolationException if there was never one
   */
  @Nullable L lane(long number) throws HostViolationException {
    L lane = lanes.get(number);
    if (lane == null && (number == 0 || Long.compareUnsigned(number, lastLane) > 0)) {
      throw new HostViolationException(
          "a part for lane "
              + Long.toUnsignedString(number)
              + ", expected one of the lanes 1 to "
              + lastLane
              + " that were opened");
    }
    return lane;
  }

  /**
   * A lane has ended.
   *
   * @param number 0 if it never had one
   */
  void ended(long number) {
    lanes.remove(number);
    attached--;
  }

  /** The same, of a lane that ends from this side; which the host is to learn. */
  void cancelled(long number) {
    ended(number);
    if (number != 0) {
      cancellations.add(number);
    }
  }

  /** How many lanes have not ended. */
  int attached() {
    return attached;
  }

  // ---- what is to be sent ----------------------------------------------------------------------

  /** A lane has something to send. It stands in line only once. */
  void enlist(L lane) {
    if (!over) {
      line.add(lane);
    }
  }

  /** How many lanes have something to send. */
  int inLine() {
    return line.size();
  }

  /** Takes out all who stand in line, the first one first. */
  ArrayDeque<L> line() {
    ArrayDeque<L> taken = line;
    line = new ArrayDeque<>();
    return taken;
  }

  /**
   * Puts lanes back.
   *
   * @param first for whom a message had no room, in front of all others
   * @param last who were in it and have more, behind all others
   */
  void putBack(ArrayDeque<L> first, List<L> last) {
    if (!first.isEmpty()) {
      first.addAll(line);
      line = first;
    }
    line.addAll(last);
  }

  /** Takes out the number of a lane whose cancellation is to be sent; null if there is none. */
  @Nullable Long cancellation() {
    return cancellations.poll();
  }

  /**
   * The next step.
   *
   * @param ready whether the call takes a message now
   */
  Step next(boolean ready, long nowNanos) {
    if (over || closed) {
      return Step.REST;
    }
    if (ready && hasToSend() && untilMayLeave(nowNanos) == 0) {
      if (mustWait()) { // Time has passed, and those before don't count any more.
        unanswered = 0;
        waiting = 0;
        period++;
      }
      return Step.SEND;
    }
    if (isToEnd()) {
      closed = true;
      return sent ? Step.HALF_CLOSE : Step.CANCEL;
    }
    return Step.REST;
  }

  /**
   * A message is sent.
   *
   * @param awaitsAnswer whether the host will answer anything in it
   * @param lanes how many lanes wait for a word because of it, and didn't before
   */
  void sending(boolean awaitsAnswer, int lanes, long nowNanos) {
    sent = true;
    waiting += lanes;
    lastSentNanos = nowNanos;
    if (awaitsAnswer) {
      unanswered++;
    }
  }

  private boolean hasToSend() {
    return !line.isEmpty() || !cancellations.isEmpty();
  }

  private boolean isToEnd() {
    return retired && attached == 0 && cancellations.isEmpty();
  }

  /** Whether there may be a next step, now or later. */
  boolean hasNext() {
    return !over && !closed && (hasToSend() || isToEnd());
  }

  /**
   * Whether what there is to send has to wait: for a word from the host, or until time passes.
   *
   * <p>Few messages are to be under way, so each should carry its share of what is: a small one,
   * whose answer makes few new calls, would stay small for ever. Several messages may have one
   * answer, so if no lane waits for a word, none is to be waited for.
   */
  boolean mustWait() {
    if (!sent || !begun) {
      return sent;
    }
    return (unanswered >= UNANSWERED_MESSAGES && waiting > 0)
        || line.size() < Math.min(waiting / UNANSWERED_MESSAGES, ENOUGH_LANES);
  }

  /** Whether something is to be sent when time has passed, if nothing else happens before. */
  boolean awaitsTime() {
    return hasToSend() && !over && !closed && begun && mustWait();
  }

  /** For how long the next message has to wait, if the host says nothing. */
  long untilMayLeave(long nowNanos) {
    if (!mustWait()) {
      return 0;
    }
    return begun ? Math.max(0, lastSentNanos + PATIENCE_NANOS - nowNanos) : Long.MAX_VALUE;
  }

  // ---- what the host says ----------------------------------------------------------------------

  /** The host has begun to serve the call. Before that no more than one message is sent. */
  void begun() {
    begun = true;
  }

  /** A message has come from the host. */
  void received() {
    begun = true;
    answered = true;
    unanswered = Math.max(0, unanswered - 1);
  }

  /** The period in which a lane sends what it sends now. */
  int period() {
    return period;
  }

  /**
   * A lane that waited for a word has had one, or needs none any more.
   *
   * @param since the period in which it sent what it waited for; 0 if it didn't wait
   */
  void hasWord(int since) {
    if (since == period) {
      waiting--;
    }
  }

  /** Whether the host has ever sent anything. */
  boolean isAnswered() {
    return answered;
  }

  /** Whether anything was ever sent. */
  boolean hasSent() {
    return sent;
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** No lane is taken any more; the call is half-closed when none is left. */
  void retire() {
    retired = true;
  }

  /** Whether lanes are taken. */
  boolean takesLanes() {
    return !retired && !over;
  }

  boolean isOver() {
    return over;
  }

  /** The call has ended: nothing is sent any more. What came before that may still be unread. */
  void end() {
    over = true;
  }

  /** Whether there are lanes that the call leaves. */
  boolean leavesLanes() {
    return over && (!lanes.isEmpty() || !line.isEmpty());
  }

  /**
   * All has been read: takes out the lanes that the call leaves.
   *
   * @return first those that have a number, in order; those that stood in line may be among them
   *     twice
   */
  List<L> leave() {
    List<L> left = new ArrayList<>();
    lanes.entrySet().stream()
        .sorted((a, b) -> Long.compareUnsigned(a.getKey(), b.getKey()))
        .forEach(lane -> left.add(lane.getValue()));
    left.addAll(line);
    lanes.clear();
    line.clear();
    cancellations.clear();
    attached = 0;
    return left;
  }
}
