package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.Cleaner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The end of one stub, and who is to learn of it: those who wait, those who listen for a break, and
 * what watches whether the stub is dropped. Safe for any number of threads.
 */
final class StubEnd {
  private final CountDownLatch ended = new CountDownLatch(1);
  private final BreakListeners breakListeners = new BreakListeners();

  @GuardedBy("this")
  private Cleaner.@Nullable Cleanable dropWatch;

  /** Whether the stub has ended: closed with every call answered, or broken. */
  boolean hasCome() {
    return ended.getCount() == 0;
  }

  boolean await(long timeout, TimeUnit unit) throws InterruptedException {
    return ended.await(timeout, unit);
  }

  /** Has this told once, if the stub breaks; at once if it has, as the cause says. */
  void onBreak(Consumer<FailureCause> listener, Supplier<@Nullable FailureCause> cause) {
    breakListeners.add(listener, cause);
  }

  /** Keeps this until the stub has ended. */
  void watchedBy(Cleaner.Cleanable watch) {
    synchronized (this) {
      if (!hasCome()) {
        dropWatch = watch;
        return;
      }
    }
    watch.clean();
  }

  /** All went well. Calls nobody, so that it may be told under a lock. */
  void closed() {
    breakListeners.forget();
    ended.countDown();
  }

  /** The stub has broken, and all its calls have been told. */
  void broken(FailureCause cause) {
    breakListeners.tellAll(cause);
    ended.countDown();
    unwatch();
  }

  /** The stub has ended, so it can't be dropped any more. */
  void unwatch() {
    Cleaner.Cleanable watch;
    synchronized (this) {
      watch = dropWatch;
      dropWatch = null;
    }
    if (watch != null) {
      watch.clean();
    }
  }
}
