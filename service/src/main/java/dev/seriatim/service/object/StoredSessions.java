package dev.seriatim.service.object;

import dev.seriatim.service.SessionLimits;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.session.SessionMemory;
import dev.seriatim.service.session.SessionRecord;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.SessionCounts;
import dev.seriatim.service.storage.SessionId;
import dev.seriatim.service.storage.SessionLog;
import dev.seriatim.service.storage.SessionRow;
import dev.seriatim.service.storage.SessionWrite;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the store has of one object's sessions and idempotency keys. It is asked how many there are
 * when it first matters in a life of the object, and which keys, if they are few; as long as there
 * was none, and none was stored since, it need not be asked for any. Owned by whoever has the
 * object.
 */
final class StoredSessions {
  private static final Logger LOGGER = LoggerFactory.getLogger(StoredSessions.class);

  /** With more keys than this at first, it isn't looked for which they are. */
  private static final int MOST_LOOKED_FOR = 10_000;

  private final ObjectLog log;
  private final SessionLog sessions;
  private final SessionLimits limits;
  private final SessionMemory memory;

  /** As counted, and made since. Null if it isn't known for the object's life. */
  private @Nullable SessionCounts counts;

  private int countedLife;

  /** Whether a session was stored in that life since. */
  private boolean storedSince;

  /** Which keys the store may have in that life; null if that isn't known, so that it is asked. */
  private @Nullable KnownKeys knownKeys;

  /** What of them is counted. */
  private long knownBytes;

  /** The life in which the last key was looked for. */
  private int lookedInLife;

  StoredSessions(ObjectLog log, SessionLimits limits, SessionMemory memory) {
    this.log = log;
    this.sessions = log.sessions();
    this.limits = limits;
    this.memory = memory;
  }

  private SessionCounts counts() {
    int life = log.life();
    SessionCounts known = counts;
    if (known == null || countedLife != life) {
      known = sessions.counts();
      counts = known;
      countedLife = life;
      storedSince = false;
      learnKeys(known);
    }
    return known;
  }

  /** As many as were just counted. A store that is in memory is asked as quickly. */
  private void learnKeys(SessionCounts counted) {
    forgetKeys();
    if (log.isVolatile() || counted.keys() > MOST_LOOKED_FOR) {
      return;
    }
    knownKeys = new KnownKeys();
    if (counted.keys() > 0) {
      // One more than there may be, since others may have been stored in between.
      sessions.keys(MOST_LOOKED_FOR + 1).forEach(this::know);
    }
  }

  private void know(SessionId key) {
    KnownKeys known = knownKeys;
    if (known == null) {
      return;
    }
    known.add(key);
    long more = known.bytes() - knownBytes;
    if (more == 0) {
      return;
    }
    if (memory.tryAdd(more)) {
      knownBytes += more;
    } else {
      forgetKeys(); // The store can be asked.
    }
  }

  private void forgetKeys() {
    memory.release(knownBytes);
    knownBytes = 0;
    knownKeys = null;
  }

  /** The object goes from memory. */
  void retire() {
    counts = null;
    forgetKeys();
  }

  /** The row of a session; null if there is none. */
  @Nullable SessionRow session(SessionId id) {
    return counts().sessions() == 0 && !storedSince ? null : sessions.read(id);
  }

  /**
   * Whether this is an idempotency key of which the store has nothing, and there is room for it, as
   * far as that is known without asking. Doesn't block while the object has an instance.
   */
  boolean isNewKey(SessionId id) {
    SessionCounts known = counts;
    if (known == null || known.keys() >= limits.maxIdempotencyKeysPerObject()) {
      return false;
    }
    lookedInLife = log.life();
    return lookedInLife == countedLife && knownKeys != null && !knownKeys.mayHave(id);
  }

  /** The row of an idempotency key; null if there is none. */
  @Nullable SessionRow key(SessionId id) {
    lookedInLife = log.life();
    return counts().keys() == 0 ? null : sessions.read(id);
  }

  /**
   * Requires that what was last found of a key is still so.
   *
   * @throws StorageException if it may not be
   */
  void requireLooked() {
    if (log.life() != lookedInLife) {
      throw new StorageException("the object changed hands after an idempotency key was looked up");
    }
  }

  /** Whether no more sessions may be made, beside those that are in memory. */
  boolean isFullOfSessions(int inMemory) {
    if (Math.max(inMemory, counts().sessions()) < limits.maxSessionsPerObject()) {
      return false;
    }
    counts = null; // Some of them have expired, perhaps.
    return Math.max(inMemory, counts().sessions()) >= limits.maxSessionsPerObject();
  }

  /** Whether no more idempotency keys may be made. */
  boolean isFullOfKeys() {
    if (counts().keys() < limits.maxIdempotencyKeysPerObject()) {
      return false;
    }
    counts = null;
    return counts().keys() >= limits.maxIdempotencyKeysPerObject();
  }

  /** A key is about to be stored. */
  void madeKey(SessionId id) {
    know(id);
    SessionCounts known = counts;
    if (known != null) {
      counts = new SessionCounts(known.sessions(), known.keys() + 1);
    }
  }

  /** What a turn's commit says of its session, up to this invocation. */
  SessionWrite write(SessionRecord record, long through) {
    return write(record, through, /* withBreak= */ false);
  }

  private SessionWrite write(SessionRecord record, long through, boolean withBreak) {
    SessionId id = SessionId.of(record.id());
    return new SessionWrite() {
      @Override
      public SessionId session() {
        return id;
      }

      @Override
      public void submitted() {
        record.isStored(true);
        storedSince = true;
      }

      @Override
      public SessionRow row() {
        SessionRecord.Snapshot snapshot = record.snapshot(through, withBreak);
        return new SessionRow(
            (int) snapshot.connection(), snapshot.completed(), null, snapshot.frame());
      }
    };
  }

  /**
   * Lets the store have a session's break.
   *
   * @return the commit that does so; 0 if it can't be had, and the next host may find it out anew
   */
  long submitBreak(SessionRecord record) {
    try {
      return sessions.submit(write(record, record.completed(), /* withBreak= */ true));
    } catch (StorageException e) {
      LOGGER.debug("a session's break is not stored", e);
      return 0;
    }
  }

  /** Lets a store that is in memory have all of a session that goes from the host's. */
  void keep(SessionRecord record) {
    long _ = sessions.submit(write(record, record.completed(), /* withBreak= */ true));
  }

  /** Lets the store forget a session. Nobody waits for it. */
  void forget(SessionRecord record) {
    SessionId id = SessionId.of(record.id());
    SessionWrite nothing =
        new SessionWrite() {
          @Override
          public SessionId session() {
            return id;
          }

          @Override
          public @Nullable SessionRow row() {
            return null;
          }
        };
    try {
      long _ = sessions.submit(nothing);
    } catch (StorageException e) {
      LOGGER.debug("a closed session stays until it expires", e);
    }
  }
}
