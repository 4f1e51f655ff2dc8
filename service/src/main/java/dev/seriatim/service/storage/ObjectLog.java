package dev.seriatim.service.storage;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * What one object has committed and is about to, across its instances: it gives each of them its
 * {@link TurnStorage}, and numbers the commits of all 1, 2, 3, … in the order of the turns. Made by
 * {@link StorageEngine#log}; there must never be two for the same object. Small enough to keep for
 * each live object.
 *
 * <p>It may be dropped and made anew when there is neither an instance nor a pending commit; it
 * must be closed then.
 */
public abstract sealed class ObjectLog permits MemoryLog, StoredLog {
  private static final Logger LOGGER = LoggerFactory.getLogger(ObjectLog.class);

  final ObjectKey key;
  private final StorageEngine engine;
  private final MessageTypes types;

  /** The object's name, as far as it is known here. Set once: the id belongs to this name alone. */
  private volatile @Nullable String name;

  @GuardedBy("this")
  private @Nullable TurnStorage current;

  ObjectLog(StorageEngine engine, ObjectKey key, @Nullable String name) {
    this.engine = engine;
    this.types = engine.types(key.namespace());
    this.key = key;
    this.name = name;
  }

  /**
   * The storage for a new instance of the object. The one before must have been discarded, or lost
   * with a failed commit.
   *
   * @throws StorageException if the host doesn't own the object, or the store has still to say what
   *     became of its last commits
   */
  public final TurnStorage newStorage() {
    synchronized (this) {
      beginLife();
      Preconditions.checkState(
          current == null, "object %s has an instance, expected it to be discarded first", key);
      TurnStorage instance = new TurnStorage(this);
      current = instance;
      rememberName();
      return instance;
    }
  }

  /** The object's name, as far as it is known here without asking the store. */
  public final @Nullable String knownName() {
    return name;
  }

  /**
   * Someone says what the object is called. The store learns it with the object's next commit; or
   * by a commit of its own, if the store is known to have the object without its name and there is
   * an instance, or when there is one. Called by any thread; doesn't block.
   */
  public final void learnName(String told) {
    if (name == null) {
      synchronized (this) {
        nameFound(told);
        // Between two instances the last turn may have still to learn what became of its commit.
        if (current != null) {
          rememberName();
        }
      }
    }
  }

  /** The name is known from now on. */
  @GuardedBy("this")
  final void nameFound(@Nullable String found) {
    if (name == null && found != null) {
      name = found;
    }
  }

  /** Sees to it that the store has the name, if it is known to have the object without. */
  @GuardedBy("this")
  abstract void rememberName();

  /** The object's name, from the store if need be. */
  abstract @Nullable String readName(TurnBracket instance);

  /**
   * The number of the object's last commit if it is not durable yet, otherwise 0. What a failed
   * turn's outcome must wait for. Called by the turn thread.
   */
  public abstract long pendingCommit();

  /** How many commits aren't durable yet; a hint. Any thread may ask. */
  public long pendingCommits() {
    return 0;
  }

  /**
   * The turn that ran this alarm failed and was rolled back: sets the alarm again, 2, 4, 8, …
   * seconds from now, or gives it up with a log if it has been retried {@value
   * AlarmTime#MAX_RETRIES} times: it never runs then, and stays in the store to be found until it
   * is set anew or deleted. A commit of its own, so that a restart doesn't forget it; nothing needs
   * to wait for it. Called by the turn thread, before the object's next turn.
   *
   * @param reason what the contract calls the failure, for the log
   */
  public final void retryAlarm(Alarm failed, String reason, Throwable cause) {
    AlarmTime next;
    if (failed.retries() < AlarmTime.MAX_RETRIES) {
      long delaySeconds = 2L << failed.retries();
      next = new AlarmTime(nowMillis() + delaySeconds * 1000, failed.retries() + 1);
      key.logEvent(LOGGER, Level.WARN, name)
          .addKeyValue("method", Alarm.METHOD)
          .addKeyValue("reason", reason)
          .setCause(cause)
          .log(
              "the alarm failed, try {} of {}; next in {} s",
              failed.retries() + 1,
              AlarmTime.MAX_RETRIES + 1,
              delaySeconds);
    } else {
      next = new AlarmTime(failed.due().toEpochMilli(), failed.retries()).givenUp();
      key.logEvent(LOGGER, Level.ERROR, name)
          .addKeyValue("method", Alarm.METHOD)
          .addKeyValue("reason", reason)
          .setCause(cause)
          .log(
              "the alarm failed {} times; it is given up, and stays in the store until it is set"
                  + " anew or deleted",
              AlarmTime.MAX_RETRIES + 1);
    }
    submitAlarm(failed.life(), next);
  }

  /**
   * The object's alarm could not run, for a reason that isn't the object's own: it stays in the
   * store as it is, is offered again later, and has used up none of its tries. Any thread.
   *
   * @param why for the log, which has the first of very many
   */
  public final void putOffAlarm(String why, @Nullable Throwable cause) {
    if (isOwnedByHost()) {
      engine.alarms().putOff(key, name, why, cause);
    } else {
      loseAlarm(); // It is another host's, and nothing to be told of here.
    }
  }

  /**
   * The turn that ran the object's alarm was lost with a commit or with the ownership of the
   * object: what the store has counts, and no try is used up. Any thread.
   */
  public final void loseAlarm() {
    engine.alarms().lost(key);
  }

  /**
   * Counts what has made memory and store disagree: lost commits, and changes of the owner. Begins
   * a life if there is no instance. What the host remembers of the object from another life isn't
   * true any more. Called by the turn thread.
   *
   * @throws StorageException as {@link #newStorage}
   */
  public final int life() {
    if (isVolatile()) {
      return currentLife(); // Nothing is lost but with the host.
    }
    synchronized (this) {
      if (current == null) {
        beginLife();
      }
      return currentLife();
    }
  }

  /**
   * Whether what is stored goes with the host's memory. What the host remembers of sessions need
   * not be stored with each turn then, but when the object goes from memory.
   */
  public final boolean isVolatile() {
    return engine.isVolatile();
  }

  /** Whether this host owns the object now, whether or not it did so all the time. */
  abstract boolean isOwnedByHost();

  /** What is stored of the object's sessions and idempotency keys. Called by the turn thread. */
  public abstract SessionLog sessions();

  /** The object is no longer live. It must have neither an instance nor a pending commit. */
  public abstract void close();

  // ---- for the instance

  abstract void checkOwned(TurnBracket instance);

  /** What the object has. */
  abstract ObjectReads reads();

  /** The commit that the outcome of a turn without writes must wait for. */
  abstract long gate(TurnBracket instance);

  /**
   * Submits a turn's commit.
   *
   * @param turn what it wrote; null for nothing
   * @param sessions what becomes durable with it; null for nothing
   */
  abstract long submit(TurnBracket instance, @Nullable WriteSet turn, List<SessionWrite> sessions);

  abstract void submitAlarm(int life, AlarmTime alarm);

  /**
   * An alarm was offered that isn't to run: tells what is so instead. Called by the turn thread.
   *
   * @param alarm as it was just read; null if there is none
   */
  abstract void answerAlarm(@Nullable AlarmTime alarm);

  abstract void awaitDurable(TurnBracket instance);

  abstract int currentLife();

  @GuardedBy("this")
  abstract void beginLife();

  final synchronized boolean isCurrent(TurnBracket instance) {
    return current == instance;
  }

  /** Takes the instance away, so that its storage refuses every use, and a new one may be made. */
  @GuardedBy("this")
  final void lose(Throwable cause) {
    if (current != null) {
      current.refuse(cause);
      current = null;
    }
  }

  final synchronized void discarded(TurnBracket instance) {
    if (current == instance) {
      current = null;
    }
  }

  /** Those that the namespace's objects have stored. */
  final MessageTypes types() {
    return types;
  }

  final long nowMillis() {
    return engine.options().clock().millis();
  }

  final long maxTurnBytes() {
    return engine.options().maxTurnBytes();
  }

  /** Tells the alarms what is durable of this object's. */
  final void alarmIs(AlarmTime durable, long row) {
    if (durable.isSet()) {
      engine.alarms().set(new DueAlarm(key, name, durable.dueMillis(), row));
    } else {
      engine.alarms().removed(key);
    }
  }
}
