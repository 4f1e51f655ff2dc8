package dev.seriatim.service.threads;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a host can't do without, done whatever is thrown meanwhile: the threads that live as long as
 * the host does, what is run again and again, and the single steps of which others wait for the
 * end. Mostly it is memory that is short, and mostly not for long.
 *
 * <p>Safe for any number of threads. Nothing here needs memory of its own before it goes on.
 */
public final class Enduring {
  private static final Logger LOGGER = LoggerFactory.getLogger(Enduring.class);

  private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /** So often a step is tried, which is for half a minute. */
  private static final int MOST_TRIES = 3_000;

  private static final long LOG_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  // Any thread's: a word too many does no harm.
  private static volatile @Nullable String lastLogged;
  private static volatile long lastLoggedNanos;

  private Enduring() {}

  /**
   * A thread of the platform, to be started, which ends with the program and inherits nothing. It
   * does its work until that returns: if something is thrown, that is logged, and the work begins
   * anew.
   */
  public static Thread thread(String name, Runnable work) {
    return Thread.ofPlatform()
        .name(name)
        .daemon()
        .inheritInheritableThreadLocals(false)
        .unstarted(() -> outlive(name, work));
  }

  /** The same as a virtual thread. */
  public static Thread virtualThread(String name, Runnable work) {
    return Thread.ofVirtual()
        .name(name)
        .inheritInheritableThreadLocals(false)
        .unstarted(() -> outlive(name, work));
  }

  /** What a timer runs again and again, and would run no more if it threw anything. */
  public static Runnable task(String name, Runnable work) {
    return () -> {
      try {
        work.run();
      } catch (RuntimeException | Error e) {
        log(name, e);
      }
    };
  }

  private static void outlive(String name, Runnable work) {
    while (true) {
      try {
        work.run();
        return;
      } catch (RuntimeException | Error e) {
        log(name, e);
      }
      pause();
    }
  }

  /**
   * Does a step, and again if there was no memory for it. So it has to be one that can be done
   * again after half of it was done. What else it throws, and what it throws after {@value
   * #MOST_TRIES} tries, is thrown here.
   */
  public static void step(Runnable step) {
    for (int tries = 1; ; tries++) {
      try {
        step.run();
        return;
      } catch (OutOfMemoryError e) {
        if (tries == MOST_TRIES) {
          throw e;
        }
      }
      pause();
    }
  }

  /**
   * Says that something was thrown and that it goes on, if there is memory to say it; of the same
   * thing no more than once in a second.
   */
  public static void log(String what, Throwable thrown) {
    long now = System.nanoTime();
    if (what.equals(lastLogged) && now - lastLoggedNanos < LOG_AGAIN_NANOS) {
      return;
    }
    lastLogged = what;
    lastLoggedNanos = now;
    try {
      LOGGER.error("{} goes on after a failure", what, thrown);
    } catch (RuntimeException | Error e) {
      // To go on matters more.
    }
  }

  /** Waits for a moment, in which others may let go of memory. */
  public static void pause() {
    LockSupport.parkNanos(AGAIN_NANOS);
  }
}
