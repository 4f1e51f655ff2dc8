package dev.seriatim.service.storage;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The log of one object in a database: it numbers commits, and tells what becomes of them. What
 * they write is in its {@link PendingWrites} until it is durable, and what is known of that in its
 * {@link StoredState}.
 *
 * <p>Guarded by this, if not said otherwise. The turn thread submits; the committer takes, settles
 * and fails. No lock is held while the database works.
 */
final class StoredLog extends ObjectLog {
  private final CommittingEngine engine;
  private final CommitListener listener;
  private final int slot;

  /** The newest commit. Written by the turn thread, holding this; read by it without. */
  private long lastSubmitted;

  /** Every commit up to here is durable, or lost and reported. Written holding this. */
  private volatile long settled;

  /** Under which ownership the current life runs; null before the first. */
  private volatile Ownership.@Nullable Tenure tenure;

  /** Counts what has made memory and store disagree: failed commits and changes of the owner. */
  @GuardedBy("this")
  private int life;

  /** A loss of which the listener is being told; no new life begins meanwhile. */
  @GuardedBy("this")
  private @Nullable LostWrites untold;

  /** Why half of a submission may be in {@link #pending}, so that all of that is lost. */
  @GuardedBy("this")
  private @Nullable Throwable spoilt;

  /** Whether the committer knows that there is something to take. */
  @GuardedBy("this")
  private boolean queued;

  /** What is not durable yet; null while nothing was ever submitted, or all of it is lost. */
  @GuardedBy("this")
  private @Nullable PendingWrites pending;

  private final StoredState stored = new StoredState(this);

  /** Null as long as nobody has asked for it. The turn thread's. */
  private @Nullable StoredSessionLog sessions;

  StoredLog(
      CommittingEngine engine, ObjectKey key, @Nullable String name, CommitListener listener) {
    super(engine, key, name);
    this.engine = engine;
    this.listener = listener;
    this.slot = key.slot();
  }

  int slot() {
    return slot;
  }

  CommittingEngine engine() {
    return engine;
  }

  // ---- called by the object layer

  @Override
  public long pendingCommit() {
    long last = lastSubmitted;
    return last > settled ? last : 0;
  }

  @Override
  public synchronized long pendingCommits() {
    return lastSubmitted - settled;
  }

  @Override
  public synchronized void close() {
    Preconditions.checkState(
        lastSubmitted <= settled, "commit %s of object %s is pending", lastSubmitted, key);
    stored.clearCache();
  }

  // ---- called by the instance, on the turn thread

  @Override
  @GuardedBy("this")
  void beginLife() {
    while (untold != null || spoilt != null) {
      awaitChange();
    }
    Ownership.Tenure owned = engine.ownership().tenure(slot);
    if (owned == null) {
      throw engine.ownership().refusal(key);
    }
    if (engine.committer().isInDoubt(key)) {
      throw new StorageException(
          "the store has not said yet what became of the last commits of object " + key);
    }
    if (owned != tenure) {
      if (lastSubmitted > settled) {
        throw new StorageException(
            "the commits of object " + key + " from before it changed hands are not settled yet");
      }
      lose(engine.ownership().refusal(key)); // An instance from before knows what isn't so.
      life++;
      stored.forget();
      tenure = owned;
    }
  }

  @Override
  void checkOwned(TurnBracket instance) {
    instance.requireUsable();
    if (!isOwned()) {
      synchronized (this) {
        lose(engine.ownership().refusal(key));
      }
      instance.requireUsable();
    }
  }

  /** Whether this host has owned the object since the current life began. */
  private boolean isOwned() {
    return engine.ownership().tenure(slot) == tenure;
  }

  /** Whether this host is sure to own the object, and has since the current life began. */
  boolean isCertain() {
    return engine.ownership().isCertain() && isOwned();
  }

  @Override
  long gate(TurnBracket instance) {
    long last = lastSubmitted;
    if (last > settled) {
      return last;
    }
    // A failure refuses the instance before it settles.
    instance.requireUsable();
    if (isCertain()) {
      return 0;
    }
    // A commit of nothing, which passes through the fence.
    return submit(instance, null, List.of());
  }

  @Override
  long submit(TurnBracket instance, @Nullable WriteSet turn, List<SessionWrite> sessions) {
    long turnBytes =
        (turn == null ? 0 : turn.bytes()) + (long) Batch.SESSION_BYTES * sessions.size();
    if (turnBytes > 0) {
      engine.budget().awaitRoom(instance);
    }
    synchronized (this) {
      awaitRoom(instance, turnBytes);
      instance.requireUsable();
      Batch batch = nextCommit();
      long before = batch.bytes;
      try {
        if (turn != null) {
          writes().add(batch, turn, stored);
          engine.faults().memory(Faults.Need.TO_SUBMIT);
          if (turn.alarm != null) {
            setAlarm(batch, turn.alarm);
          }
        }
        sessions.forEach(batch::add);
      } catch (RuntimeException | Error e) {
        // Half of a turn must not become durable. The committer finds out what is lost.
        spoilt = e;
        lose(e);
        throw e;
      } finally {
        engine.budget().add(batch.bytes - before);
      }
      return lastSubmitted;
    }
  }

  /** One more commit, in the batch that it joins. Whatever is thrown here, there is none. */
  @GuardedBy("this")
  private Batch nextCommit() {
    if (!queued) {
      engine.committer().enqueue(this); // It takes nothing before this monitor is free.
      queued = true;
    }
    Batch batch = writes().batchFor(this, tenure, lastSubmitted + 1);
    lastSubmitted++;
    return batch;
  }

  @Override
  void submitAlarm(int ofLife, AlarmTime newAlarm) {
    synchronized (this) {
      if (ofLife == life) {
        setAlarm(nextCommit(), newAlarm);
        return;
      }
    }
    // The store still has the alarm, for it was never durably removed.
    engine.alarms().lost(key);
  }

  @Override
  void answerAlarm(@Nullable AlarmTime durable) {
    long at;
    synchronized (this) {
      if (pending != null && pending.setsAlarm()) {
        return; // It isn't durable yet; its commit will tell.
      }
      at = stored.row();
    }
    alarmIs(durable == null ? AlarmTime.REMOVED : durable, at);
  }

  @Override
  boolean isOwnedByHost() {
    return engine.ownership().tenure(slot) != null;
  }

  @Override
  synchronized int currentLife() {
    return life;
  }

  @Override
  @GuardedBy("this")
  void rememberName() {
    if (knownName() != null && stored.lacksName()) {
      Batch _ = nextCommit();
    }
  }

  @GuardedBy("this")
  private PendingWrites writes() {
    PendingWrites writes = pending;
    if (writes == null) {
      writes = new PendingWrites();
      pending = writes;
    }
    return writes;
  }

  /** What is not durable yet; null if that is nothing. */
  @GuardedBy("this")
  @Nullable PendingWrites pending() {
    return pending;
  }

  @GuardedBy("this")
  private void setAlarm(Batch batch, AlarmTime newAlarm) {
    batch.alarm = newAlarm;
    stored.setAlarm(newAlarm);
  }

  @GuardedBy("this")
  private void awaitRoom(TurnBracket instance, long turnBytes) {
    while (instance.refusal() == null
        && lastSubmitted > settled
        && pending != null
        && !pending.hasRoom(engine.options(), lastSubmitted - settled, turnBytes)) {
      awaitChange();
    }
  }

  @Override
  void awaitDurable(TurnBracket instance) {
    synchronized (this) {
      long target = lastSubmitted;
      while (settled < target && instance.refusal() == null) {
        awaitChange();
      }
    }
    instance.requireUsable();
  }

  @GuardedBy("this")
  @SuppressWarnings("WaitNotInLoop") // all callers loop
  private void awaitChange() {
    try {
      wait();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException("interrupted while waiting for a commit", e);
    }
  }

  // ---- reads, by the instance

  @Override
  ObjectReads reads() {
    return stored;
  }

  @Override
  @Nullable String readName(TurnBracket instance) {
    if (knownName() == null) {
      stored.readName(instance);
    }
    return knownName();
  }

  // ---- for what is stored of sessions

  @Override
  public SessionLog sessions() {
    StoredSessionLog made = sessions;
    if (made == null) {
      made = new StoredSessionLog(this);
      sessions = made;
    }
    return made;
  }

  /** A commit that belongs to no turn, of what is said here, or of nothing. */
  @GuardedBy("this")
  long submit(@Nullable SessionWrite write) {
    Batch batch = nextCommit();
    if (write != null) {
      long before = batch.bytes;
      batch.add(write);
      engine.budget().add(batch.bytes - before);
    }
    return lastSubmitted;
  }

  // ---- called by the committer

  /** What is to be committed next, or null if there is nothing any more. */
  @Nullable Batch take() {
    Throwable why;
    while ((why = spoilt()) != null) {
      fail(why);
    }
    synchronized (this) {
      queued = false;
      Batch batch = pending == null ? null : pending.take();
      if (batch != null) {
        batch.newName = stored.hasName() ? null : knownName();
      }
      return batch;
    }
  }

  private synchronized @Nullable Throwable spoilt() {
    return spoilt;
  }

  /** The object's durable row, as far as it is known. */
  synchronized long row() {
    return stored.row();
  }

  /**
   * The batch that was taken is durable. Can be called again if it has thrown.
   *
   * @param idle whether there is nothing else to commit
   */
  void settle(Batch batch, boolean idle) {
    boolean first;
    synchronized (this) {
      first = !batch.settled;
      if (first) {
        if (pending == null || !pending.hasTaken(batch)) {
          return;
        }
        nameFound(batch.storedName);
        stored.committed(batch);
        pending.settle(batch, stored);
        settled = batch.last;
        batch.settled = true;
        notifyAll();
      }
    }
    if (first) {
      engine.budget().remove(batch.bytes);
    }
    stored.makeRoom();
    if (batch.alarm != null) {
      alarmIs(batch.alarm, batch.row);
    }
    listener.durable(batch.last, idle);
  }

  /** Everything that was submitted and isn't durable is lost. Can be called again, as the next. */
  void fail(Throwable cause) {
    lose(/* inDoubt= */ null, cause);
  }

  /**
   * The store has not said in time what became of the batch that was taken, and everything that was
   * submitted on top of it is lost.
   */
  void doubt(Batch batch, Throwable cause) {
    lose(batch, cause);
  }

  private void lose(@Nullable Batch inDoubt, Throwable cause) {
    LostWrites lost;
    synchronized (this) {
      lost = untold;
      if (lost == null) {
        if (lastSubmitted <= settled) {
          return;
        }
        lost = new LostWrites(settled + 1, inDoubt, lastSubmitted, pending, cause);
        untold = lost; // Nothing needs memory from here on.
        pending = null;
        spoilt = null;
        stored.forgetAlarm();
        if (inDoubt != null) {
          stored.forget();
        }
        life++;
        lose(cause);
        settled = lastSubmitted;
        notifyAll();
      }
    }
    lost.tell(this, listener);
  }

  /** The listener was told of what is lost. */
  synchronized void lossTold() {
    untold = null;
    notifyAll();
  }
}
