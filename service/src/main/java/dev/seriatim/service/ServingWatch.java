package dev.seriatim.service;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Looks again and again whether a host of a cluster serves: two things decide that. */
final class ServingWatch {
  private static final Duration LOOK = Duration.ofMillis(200);

  private ServingWatch() {}

  /** Tells this listener at once, and whenever it changes, until the host is closed. */
  static void begin(BooleanSupplier serves, BooleanSupplier closed, Consumer<Boolean> listener) {
    boolean first = serves.getAsBoolean();
    listener.accept(first);
    Thread.ofPlatform()
        .daemon()
        .name("seriatim-serving")
        .start(
            () -> {
              boolean told = first;
              while (!closed.getAsBoolean()) {
                try {
                  Thread.sleep(LOOK);
                } catch (InterruptedException e) {
                  return; // Nobody does that.
                }
                boolean now = !closed.getAsBoolean() && serves.getAsBoolean();
                if (now != told) {
                  told = now;
                  listener.accept(now);
                }
              }
            });
  }
}
