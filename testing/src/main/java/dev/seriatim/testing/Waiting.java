package dev.seriatim.testing;

import dev.seriatim.service.InternalDurableObjectHost;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Waits of the kit: bounded, and they say what never came. */
final class Waiting {
  /** As long as anything may take that should be there at once; a machine may be very busy. */
  static final Duration LIMIT = Duration.ofSeconds(30);

  private Waiting() {}

  /** What came of it. Throws what was thrown. */
  static <T extends @Nullable Object> T on(Future<T> future, String what) throws Exception {
    try {
      return future.get(LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("never came, within " + LIMIT.toSeconds() + " s: " + what, e);
    } catch (InterruptedException e) {
      throw interrupted(what, e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : InternalDurableObjectHost.shown(e.getCause());
      if (cause instanceof Exception thrown) {
        throw thrown;
      }
      throw (Error) cause;
    }
  }

  static AssertionError interrupted(String what, InterruptedException e) {
    Thread.currentThread().interrupt();
    return new AssertionError("interrupted while waiting for: " + what, e);
  }
}
