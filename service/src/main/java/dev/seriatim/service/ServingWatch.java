package dev.seriatim.service;

import dev.seriatim.service.threads.Enduring;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Looks again and again whether a host of a cluster serves: two things decide that. */
final class ServingWatch {
  private static final Duration LOOK = Duration.ofMillis(200);

  private final BooleanSupplier serves;
  private final BooleanSupplier closed;
  private final Consumer<Boolean> listener;

  /** What the listener was told last; null before the first time. The thread's once it runs. */
  private @Nullable Boolean told;

  private ServingWatch(BooleanSupplier serves, BooleanSupplier closed, Consumer<Boolean> listener) {
    this.serves = serves;
    this.closed = closed;
    this.listener = listener;
  }

  /** Tells this listener at once, and whenever it changes, until the host is closed. */
  static void begin(BooleanSupplier serves, BooleanSupplier closed, Consumer<Boolean> listener) {
    ServingWatch watch = new ServingWatch(serves, closed, listener);
    watch.look();
    Enduring.thread("seriatim-serving", watch::run).start();
  }

  private void run() {
    while (!closed.getAsBoolean()) {
      try {
        Thread.sleep(LOOK);
      } catch (InterruptedException e) {
        return; // Nobody does that.
      }
      look();
    }
  }

  private void look() {
    boolean now = !closed.getAsBoolean() && serves.getAsBoolean();
    if (told == null || now != told) {
      listener.accept(now);
      told = now;
    }
  }
}
