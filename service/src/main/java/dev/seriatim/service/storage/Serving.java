package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Whether a host serves its objects, for those who want to know. Safe for any number of threads.
 */
final class Serving {
  @GuardedBy("this")
  private boolean serving;

  @GuardedBy("this")
  private boolean closed;

  @GuardedBy("this")
  private final List<Consumer<Boolean>> listeners = new ArrayList<>(1);

  /** It is so from now on. Tells the listeners if it was otherwise before. */
  synchronized void set(boolean serves) {
    if (serving != serves && !closed) {
      serving = serves;
      listeners.forEach(listener -> listener.accept(serves));
      notifyAll();
    }
  }

  /** Tells this listener at once, and then whenever it changes, one after the other. */
  synchronized void listen(Consumer<Boolean> listener) {
    listeners.add(listener);
    listener.accept(serving);
  }

  synchronized boolean is() {
    return serving;
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /** It is not so, and never will be. */
  synchronized void close() {
    set(false);
    closed = true;
    notifyAll();
  }

  /** Waits until it is so, and says whether it is. */
  synchronized boolean await(Duration time) throws InterruptedException {
    long begun = System.nanoTime();
    long limit = TimeUnit.NANOSECONDS.convert(time);
    long left;
    while (!serving && !closed && (left = limit - (System.nanoTime() - begun)) > 0) {
      wait(left / 1_000_000 + 1);
    }
    return serving;
  }
}
