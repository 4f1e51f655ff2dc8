package dev.seriatim.stub;

import io.grpc.Deadline;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Compares deadlines by what remains, since those of two clocks can't be compared otherwise. */
final class Deadlines {
  private Deadlines() {}

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
