package dev.seriatim.stub;

import io.grpc.Deadline;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Compares deadlines by what remains, since those of two clocks can't be compared otherwise. */
final class Deadlines {
  private Deadlines() {}

  /**
   * A deadline that has passed becomes one that passes now: the host is still to say that it has,
   * and gets the whole grace for it.
   */
  static Deadline notBeforeNow(Deadline deadline) {
    long remaining = deadline.timeRemaining(TimeUnit.NANOSECONDS);
    return remaining < 0 ? deadline.offset(-remaining, TimeUnit.NANOSECONDS) : deadline;
  }

  static @Nullable Deadline earlier(@Nullable Deadline one, @Nullable Deadline other) {
    if (one == null) {
      return other;
    }
    if (other == null) {
      return one;
    }
    return one.timeRemaining(TimeUnit.NANOSECONDS) <= other.timeRemaining(TimeUnit.NANOSECONDS)
        ? one
        : other;
  }
}
