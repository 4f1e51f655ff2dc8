package dev.seriatim.testing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.storage.Faults;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * What the commits of one host meet. Told by the test's threads, asked by the committer's; guarded
 * by itself, which the committer lets go of while it waits.
 */
final class Commits implements Faults {
  /** A test may hold a commit for as long as it likes, or as whoever debugs it does. */
  static final Duration PATIENCE = Duration.ofDays(1);

  @GuardedBy("this")
  private boolean fails;

  @GuardedBy("this")
  private boolean losesAnswer;

  @GuardedBy("this")
  private boolean dead;

  @GuardedBy("this")
  private final Set<HeldCommits> holds = new HashSet<>();

  @GuardedBy("this")
  private boolean waiting;

  /** The next commit fails. */
  synchronized void failNext() {
    fails = true;
  }

  /** The next commit is durable, and nobody learns of it. */
  synchronized void loseNextAnswer() {
    losesAnswer = true;
  }

  /** No commit begins until this is over. */
  synchronized HeldCommits hold() {
    HeldCommits hold = new HeldCommits(this);
    holds.add(hold);
    return hold;
  }

  synchronized void release(HeldCommits hold) {
    holds.remove(hold);
    notifyAll();
  }

  synchronized void releaseAll() {
    holds.clear();
    notifyAll();
  }

  synchronized boolean isHeld() {
    return !holds.isEmpty();
  }

  /** Waits until a commit is held. False if none comes in time. */
  synchronized boolean awaitWaiting(long limitNanos) throws InterruptedException {
    long begun = System.nanoTime();
    long left;
    while (!waiting && (left = limitNanos - (System.nanoTime() - begun)) > 0) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return waiting;
  }

  /** From now on nothing becomes durable. */
  synchronized void die() {
    dead = true;
    notifyAll();
  }

  /** Nothing is wrong any more. */
  synchronized void mend() {
    fails = false;
    losesAnswer = false;
    dead = false;
    holds.clear();
    notifyAll();
  }

  @Override
  public synchronized void at(Step step, Connection connection) throws SQLException {
    switch (step) {
      case BEFORE_BEGIN -> {
        awaitRelease();
        checkAlive();
      }
      case AFTER_WRITES -> {
        checkAlive();
        if (fails) {
          fails = false;
          throw new SQLException("the test lets this commit fail");
        }
      }
      case AFTER_COMMIT -> {
        if (losesAnswer) {
          losesAnswer = false;
          throw new Faults.Unanswered();
        }
      }
      case AFTER_FENCE, BEFORE_NOTIFY -> {}
    }
  }

  @GuardedBy("this")
  private void checkAlive() throws SQLException {
    if (dead) {
      throw new SQLException("the host has crashed");
    }
  }

  @GuardedBy("this")
  private void awaitRelease() throws SQLException {
    while (!holds.isEmpty() && !dead) {
      waiting = true;
      notifyAll();
      try {
        wait();
      } catch (InterruptedException e) {
        throw new SQLException("interrupted while the test held this commit", e);
      } finally {
        waiting = false;
      }
    }
  }
}
