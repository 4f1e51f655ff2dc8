package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The bracket around the turns of one instance: which may use its storage when, until the instance
 * is gone.
 *
 * <p>{@link #beginTurn}, {@link #endTurn}, {@link #rollback} and {@link #beginAlarmTurn} are called
 * by the object's turn thread, one turn after the other; each {@code begin} is followed by one
 * {@code endTurn} or one {@code rollback}, and by a {@code rollback} also if {@code endTurn} threw.
 * {@link #discard} may be called by any thread at any time.
 */
abstract sealed class TurnBracket permits TurnStorage {
  private static final VarHandle OPEN;

  static {
    try {
      OPEN = MethodHandles.lookup().findVarHandle(TurnBracket.class, "open", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** How long the end of a turn waits for another thread that still uses the turn's storage. */
  private static final long END_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

  final ObjectLog log;

  /** Held by every use in a turn from beginning to end, reads from the store included. */
  final ReentrantLock lock = new ReentrantLock();

  /** Whether a turn is running. Written by the turn thread. */
  @SuppressWarnings("UnusedVariable") // through OPEN
  private boolean open;

  /**
   * Whether this turn's storage has been used. Together with {@link #open} it lets a turn that
   * doesn't use storage end without the lock: a user sets {@code used} and then reads {@code open};
   * the end of a turn clears {@code open} and then reads {@code used}. One of them sees the other.
   */
  private volatile boolean used;

  /** Why this instance may not use storage any more; null while it may. Set once. */
  private volatile @Nullable Throwable refusal;

  @GuardedBy("lock")
  private @Nullable WriteSet turn;

  TurnBracket(ObjectLog log) {
    this.log = log;
  }

  // ---- the bracket around a turn

  /**
   * A turn begins.
   *
   * @throws StorageException if the instance was lost with a failed commit, or the host no longer
   *     owns the object; the instance must go, and another may succeed
   */
  public final void beginTurn() {
    log.checkOwned(this);
    OPEN.setRelease(this, true);
  }

  /**
   * The turn completed normally: its writes are submitted as one commit. Returns the number of the
   * commit that the outcome must wait for, or 0 if it need not wait. That commit may have become
   * durable, or may have been reported as failed, by the time this method returns.
   *
   * <p>Doesn't wait for the commit. Blocks only while too many uncommitted bytes or turns are under
   * way.
   *
   * @throws StorageException if the instance was lost with a failed commit, or the turn is too
   *     large, or the thread was interrupted while it waited for room; nothing was submitted
   * @throws IllegalStateException if a transaction is still open on this thread, or another thread
   *     is in the middle of a use and doesn't end it within 5 s; nothing was submitted
   */
  public final long endTurn() {
    OPEN.setVolatile(this, false);
    return used ? endUsedTurn(List.of(), false) : log.gate(this);
  }

  /**
   * The same, for a turn of a session or with an idempotency key: if the turn wrote anything, what
   * these say becomes durable in the same commit.
   *
   * @param sessions one for the session and one for the key; each a different one
   * @param always whether it becomes durable also if the turn wrote nothing
   */
  public final long endTurn(List<SessionWrite> sessions, boolean always) {
    OPEN.setVolatile(this, false);
    return used || (always && !sessions.isEmpty()) ? endUsedTurn(sessions, always) : log.gate(this);
  }

  private long endUsedTurn(List<SessionWrite> sessions, boolean always) {
    if (!lockAtEnd()) {
      throw new IllegalStateException(
          "the turn ended while another thread was in the middle of using its storage");
    }
    try {
      WriteSet ending = turn;
      if (ending != null && ending.inTransaction()) {
        throw new IllegalStateException("the turn ended inside a storage transaction");
      }
      boolean wrote = ending != null && ending.hasChanges();
      if (!wrote && (!always || sessions.isEmpty())) {
        turn = null;
        used = false;
        return log.gate(this);
      }
      sessions.forEach(SessionWrite::submitted);
      long commit = log.submit(this, wrote ? ending : null, sessions);
      turn = null;
      used = false;
      return commit;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The turn failed: its writes are dropped. Says whether there were any, but for the removal of
   * the alarm that the turn ran.
   */
  public final boolean rollback() {
    OPEN.setVolatile(this, false);
    if (!used) {
      return false;
    }
    if (!lockAtEnd()) {
      // What that thread does is refused from its next use on, and nothing of it is submitted.
      refuse(new IllegalStateException("the turn ended while its storage was being used"));
      return true;
    }
    try {
      WriteSet failed = turn;
      turn = null;
      used = false;
      return failed != null && failed.hasWritten();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the turn that is about to end has written anything. Called by its thread. */
  public final boolean hasWritten() {
    if (!used) {
      return false;
    }
    if (!lockAtEnd()) {
      return true; // Maybe; the end of the turn is refused anyhow.
    }
    try {
      WriteSet ending = turn;
      return ending != null && ending.hasWritten();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The object's name if anyone has ever opened it by name, from the store if need be. Called by
   * any thread, in a turn or outside.
   *
   * @throws StorageException if the store has to be asked and fails
   */
  public final @Nullable String readName() {
    return log.readName(this);
  }

  /** A thread that the object left inside a transaction must not hold the object up for ever. */
  private boolean lockAtEnd() {
    boolean interrupted = false;
    try {
      long end = System.nanoTime() + END_PATIENCE_NANOS;
      while (true) {
        try {
          return lock.tryLock(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * A turn that runs the object's alarm begins, if the alarm is still due. If not, no turn was
   * begun and null is returned. The removal of the alarm is part of the turn.
   *
   * @param now whether it is to run now, also if it isn't due or was given up; then it isn't one
   *     that was offered
   * @throws StorageException as {@link #beginTurn}, or because the store failed; no turn was begun
   */
  public final @Nullable Alarm beginAlarmTurn(boolean now) {
    beginTurn();
    boolean begun = false;
    try {
      lock.lock();
      try {
        WriteSet running = running();
        int life = log.currentLife();
        AlarmTime alarm = readAlarm();
        if (alarm == null || !(now ? alarm.isThere() : alarm.isDue(log.nowMillis()))) {
          if (!now) {
            log.answerAlarm(alarm);
          }
          return null;
        }
        running.takeAlarm();
        begun = true;
        return new Alarm(
            Instant.ofEpochMilli(alarm.dueMillis()),
            Math.min(alarm.retries(), AlarmTime.MAX_RETRIES),
            life);
      } finally {
        lock.unlock();
      }
    } finally {
      if (!begun) {
        rollback();
      }
    }
  }

  /**
   * The instance is gone: this storage refuses every further use. A running turn's writes will
   * never be submitted; those of turns that have ended stay. Doesn't block.
   */
  public final void discard() {
    refuse(new IllegalStateException("this instance was discarded by its host"));
    log.discarded(this);
  }

  /**
   * Why this storage refuses every use: the cause of the failed commit with which the instance was
   * lost, or an {@link IllegalStateException} if it was discarded; null while it is in order.
   */
  public final @Nullable Throwable refusal() {
    return refusal;
  }

  final void refuse(Throwable why) {
    synchronized (log) {
      if (refusal == null) {
        refusal = why;
        log.notifyAll(); // those who wait for room or for a commit
      }
    }
  }

  final void requireUsable() {
    Throwable why = refusal;
    if (why instanceof IllegalStateException) {
      throw new IllegalStateException(why.getMessage(), why);
    }
    if (why != null) {
      throw new StorageException("the instance was lost: " + why.getMessage(), why);
    }
  }

  /** The running turn. Must be called first by each use, holding the lock. */
  @GuardedBy("lock")
  final WriteSet running() {
    used = true;
    requireUsable();
    if (!(boolean) OPEN.getVolatile(this)) {
      throw new IllegalStateException("storage can only be used while a turn is running");
    }
    WriteSet running = turn;
    if (running == null) {
      running = new WriteSet(log.maxTurnBytes());
      turn = running;
    }
    return running;
  }

  /**
   * Waits until every commit of this object that was submitted by now is durable. Called by any
   * thread, in a turn or outside.
   *
   * @throws StorageException if one of them was lost, or the thread was interrupted
   * @throws IllegalStateException if the instance was discarded
   */
  public final void awaitCommits() {
    log.awaitDurable(this);
  }

  // ---- for each use

  final @Nullable AlarmTime readAlarm() {
    AlarmTime alarm = log.reads().readAlarm(this);
    checkRead();
    return alarm;
  }

  /**
   * Must be called after each read of what is below the turn. What this instance wrote is forgotten
   * in one step with its refusal, when a commit is lost, and a later instance comes after that. So
   * who is still not refused has read what the instance had written, and nothing that came later.
   */
  final void checkRead() {
    requireUsable();
  }
}
