package dev.seriatim.stub;

import io.grpc.Deadline;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whose time is up among the calls of one stub, and when that is to be looked at again. Part of the
 * {@link Ledger}, of stubs whose calls have deadlines.
 */
final class OverdueCalls {
  private final ClientOptions options;
  private final CallRing calls;
  private long nextLook = Ledger.NEVER;
  private boolean awaitsWord; // Calls whose time is up wait for the host to say so.
  private @Nullable FailureCause silence; // The host should have said so.

  OverdueCalls(ClientOptions options, CallRing calls) {
    this.options = options;
    this.calls = calls;
  }

  /**
   * Ends calls whose deadline has passed, each for its caller alone: the stub goes on, the call
   * keeps its place, and what the host says of it later is dropped.
   *
   * <p>The host tells of a deadline when the call's turn would come. So one that passed is left to
   * it for a grace if the oldest call without an answer is overdue, too (it is about to tell), and
   * ends at once if that one may still take its time, or if there is no connection to a host.
   *
   * @param suspended whether there is none
   * @return those that have ended, which have their numbers as the ones to blame
   */
  List<FailureCause> end(boolean suspended) {
    forget();
    List<FailureCause> ended = new ArrayList<>();
    long oldest = calls.answered() + 1;
    for (long sequence = oldest; sequence <= calls.last(); sequence++) {
      PendingCall call = calls.call(sequence);
      Deadline deadline = call.deadline();
      if (deadline == null || call.isOver()) {
        continue;
      }
      long remaining = deadline.timeRemaining(TimeUnit.NANOSECONDS);
      if (remaining > 0) {
        nextLook = Math.min(nextLook, remaining);
        continue;
      }
      String message;
      if (suspended) {
        message = "its deadline passed while the stub had no connection";
      } else if (calls.call(oldest).isOverdue()) {
        long grace = remaining + options.deadlineGrace().toNanos();
        if (grace > 0) {
          nextLook = Math.min(nextLook, grace);
          awaitsWord = true;
          continue;
        }
        message = "no answer " + options.deadlineGrace().toMillis() + " ms after its deadline";
        silence = overdue("call " + sequence + " had " + message, /* retryable= */ true, sequence);
      } else {
        message = "its deadline passed behind call " + oldest + ", which has no answer yet";
      }
      call.giveUp();
      ended.add(overdue(message, /* retryable= */ false, sequence));
    }
    return ended;
  }

  private static FailureCause overdue(String message, boolean retryable, long sequence) {
    return FailureCause.of(
        Reasons.ANSWER_OVERDUE, Status.Code.DEADLINE_EXCEEDED, message, retryable, sequence);
  }

  /** There is nothing to look at any more. */
  void forget() {
    nextLook = Ledger.NEVER;
    awaitsWord = false;
    silence = null;
  }

  /** In how many nanoseconds {@link #end} has to look again, as it found; or never. */
  long nextLook() {
    return nextLook;
  }

  /** Whether {@link #end} has to look again as soon as the oldest call is answered. */
  boolean awaitsWord() {
    return awaitsWord;
  }

  /** That the host was silent, as {@link #end} found; null if it has done what it should. */
  @Nullable FailureCause silence() {
    return silence;
  }
}
