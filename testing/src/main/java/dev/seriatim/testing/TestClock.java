package dev.seriatim.testing;

import dev.seriatim.service.DurableObjectState;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;

/**
 * The time of a host under test: it stands still until the test moves it. The host's alarms go by
 * it, and so do objects that ask {@link DurableObjectState#clock}. What takes time by itself does
 * not: the limit on a turn, deadlines of calls, eviction.
 *
 * <p>Safe for any number of threads; one of them moves it at a time.
 */
public final class TestClock implements InstantSource {
  /** A host that has this clock. */
  interface Follower {
    /** The clock shows another time. */
    void clockChanged();

    /** Whether nothing of this host becomes durable now, so that it is of no use to wait for it. */
    boolean isHeld();

    /** Waits as {@link dev.seriatim.service.storage.StorageEngine#awaitNoneDue} does. */
    long awaitNoneDue(Duration limit) throws InterruptedException, TimeoutException;
  }

  private final List<Follower> followers = new CopyOnWriteArrayList<>();
  private final Object moving = new Object();
  private volatile Instant now;

  /** A clock that shows this time. */
  TestClock(Instant now) {
    this.now = now;
  }

  void follow(Follower follower) {
    followers.add(follower);
  }

  void leave(Follower follower) {
    followers.remove(follower);
  }

  /** What time it is. */
  public Instant now() {
    return now;
  }

  @Override
  public Instant instant() {
    return now;
  }

  /**
   * Moves the time on, from alarm to alarm. When this returns, every alarm that was due by the new
   * time has run, those included that were set meanwhile, each at the time that it was due, and
   * what it wrote is durable. An alarm that fails is tried again when its next try is due, if that
   * comes.
   *
   * <p>While a test {@linkplain TestSeriatim#holdCommits holds commits}, nobody can wait for them:
   * then the time is moved in one step, and this returns at once.
   *
   * @throws IllegalArgumentException if it is negative; {@link #set} goes back
   * @throws AssertionError if alarms go on for more than 30 s of the test's own time
   */
  public void advance(Duration by) {
    if (by.isNegative()) {
      throw new IllegalArgumentException("advance by " + by + ", expected no less than 0");
    }
    synchronized (moving) {
      Instant target = now.plus(by);
      long end = System.nanoTime() + Waiting.LIMIT.toNanos();
      while (true) {
        long next = settle(end);
        if (next > target.toEpochMilli()) {
          break;
        }
        show(Instant.ofEpochMilli(next));
      }
      show(target);
      long _ = settle(end);
    }
  }

  /**
   * Sets the time, forward or back, in one step: as when a host has slept. When this returns, every
   * alarm that was due by then has run, with the clock at the new time, and what it wrote is
   * durable.
   *
   * @throws AssertionError as {@link #advance}
   */
  public void set(Instant time) {
    synchronized (moving) {
      show(time);
      long _ = settle(System.nanoTime() + Waiting.LIMIT.toNanos());
    }
  }

  private void show(Instant time) {
    now = time;
    followers.forEach(Follower::clockChanged);
  }

  /** Waits until nothing is due, and says when the next alarm is. */
  private long settle(long end) {
    long next = Long.MAX_VALUE;
    for (Follower follower : followers) {
      if (!follower.isHeld()) {
        try {
          Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
          next = Math.min(next, follower.awaitNoneDue(left));
        } catch (TimeoutException e) {
          throw new AssertionError(
              "alarms went on for more than "
                  + Waiting.LIMIT.toSeconds()
                  + " s, with the clock at "
                  + now
                  + ": "
                  + e.getMessage(),
              e);
        } catch (InterruptedException e) {
          throw Waiting.interrupted("alarms that are due", e);
        }
      }
    }
    return next;
  }

  @Override
  public String toString() {
    return "TestClock[" + now + "]";
  }
}
