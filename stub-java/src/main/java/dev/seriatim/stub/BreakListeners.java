package dev.seriatim.stub;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Those who want to be told when a stub breaks. Any thread; they are told without a lock. */
final class BreakListeners {
  private static final Logger LOGGER = Logger.getLogger(BreakListeners.class.getName());

  // Guarded by this.
  private @Nullable List<Consumer<FailureCause>> waiting; // None in most stubs.
  private boolean ended;

  /** Tells this one, too; at once, if the stub has ended by a break. */
  void add(Consumer<FailureCause> listener, Supplier<@Nullable FailureCause> cause) {
    if (!waits(listener)) {
      FailureCause broken = cause.get();
      if (broken != null) {
        tell(listener, broken);
      }
    }
  }

  private synchronized boolean waits(Consumer<FailureCause> listener) {
    if (ended) {
      return false;
    }
    if (waiting == null) {
      waiting = new ArrayList<>(1);
    }
    return waiting.add(listener);
  }

  /** The stub has ended; gives those who have waited for it, once. */
  private synchronized List<Consumer<FailureCause>> take() {
    List<Consumer<FailureCause>> taken = waiting == null ? List.of() : waiting;
    waiting = null;
    ended = true;
    return taken;
  }

  /** The stub has ended without breaking. */
  void forget() {
    take();
  }

  /** The stub has ended, broken. */
  void tellAll(FailureCause broken) {
    take().forEach(listener -> tell(listener, broken));
  }

  /** Tells one, who may throw. */
  private static void tell(Consumer<FailureCause> listener, FailureCause broken) {
    try {
      listener.accept(broken);
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A listener for the break of a stub threw.", e);
    }
  }
}
