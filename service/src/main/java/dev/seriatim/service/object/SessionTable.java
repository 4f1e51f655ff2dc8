package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionHost;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.SessionRecord;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.SessionId;
import dev.seriatim.service.storage.SessionRow;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one object that its host remembers. Made for an object that has one.
 *
 * <p>Used by whoever has the object. The map has a lock of its own, since records are dropped with
 * the object, by any thread.
 */
final class SessionTable {
  /** With fewer, nobody looks for those whose clients have gone. */
  private static final int PURGED_FROM = 64;

  private final SessionHost host;
  private final Duration retention;
  private final ObjectLog log;

  @GuardedBy("this")
  private final Map<ByteString, SessionRecord> records = new HashMap<>();

  @GuardedBy("this")
  private int purgedFrom = PURGED_FROM;

  // Owned by whoever has the object.
  private final StoredSessions stored;

  /**
   * The sessions of the object that this is the log of.
   *
   * @param retention for how long the store keeps what it has of a session
   */
  SessionTable(SessionHost host, Duration retention, ObjectLog log) {
    this.host = host;
    this.retention = retention;
    this.log = log;
    this.stored = new StoredSessions(log, host.limits().sessions(), host.sessionMemory());
  }

  /** What the store has of the object's sessions and keys. */
  StoredSessions stored() {
    return stored;
  }

  // ---- connections

  /** See {@link Session#claimed}, which it calls. */
  void claim(Session connection, SessionOpen open) throws BreakException {
    SessionRecord known = find(open.session());
    if (known != null) {
      requireNewer(open, known.connection());
    }
    SessionRecord record;
    long gate;
    int life;
    try {
      life = log.life();
      record = known != null && known.isWhole(life) ? known : recover(open, known, life);
      gate = log.sessions().gate();
      if (log.life() != life) {
        throw new StorageException("the object changed hands while the session was looked up");
      }
    } catch (StorageException e) {
      throw new BreakException(ThrownCause.reset(e));
    }
    if (Long.compareUnsigned(open.answeredThrough(), record.acknowledged()) < 0) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.PROTOCOL_VIOLATION,
              "answered_through %s, expected at least %s, which was acknowledged before"
                  .formatted(
                      Long.toUnsignedString(open.answeredThrough()),
                      Long.toUnsignedString(record.acknowledged()))));
    }
    Session before = known == null ? null : known.attached();
    if (before != null) {
      before.supersede(open.connection());
    }
    if (known != null && known != record) {
      known.dropped();
    }
    put(record);
    record.attach(connection, open.connection(), open.answeredThrough(), life);
    connection.claimed(record, opened(open, record), gate, record.completed() + 1);
  }

  private static void requireNewer(SessionOpen open, long last) throws BreakException {
    if (open.connection() <= last) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.SESSION_SUPERSEDED,
              "connection %s of the session, expected one above %s, which was opened before"
                  .formatted(open.connection(), last)));
    }
  }

  /** The record as the store has it, or a new one. */
  private SessionRecord recover(SessionOpen open, @Nullable SessionRecord known, int life)
      throws BreakException {
    SessionRow row = stored.session(SessionId.of(open.session()));
    long through = open.answeredThrough();
    if (row != null) {
      requireNewer(open, Integer.toUnsignedLong(row.connection()));
      through = Math.max(through, row.completed());
    }
    if (known != null && known.lacksBehind(life, through)) {
      throw expired("its outcomes were dropped, for want of room, while its client was away");
    }
    if (row != null) {
      return record(open, row);
    }
    Long unanswered = open.unansweredNanos();
    if (unanswered != null && unanswered > retention.toNanos() / 2) {
      throw expired(
          "unanswered_for %s, expected at most half of the retention of %s"
              .formatted(Duration.ofNanos(unanswered), retention));
    }
    requireRoom(known != null);
    return new SessionRecord(open.session(), host, open.answeredThrough());
  }

  private static BreakException expired(String why) {
    return new BreakException(
        BreakCause.of(BreakReason.SESSION_EXPIRED, "there is no record of the session: " + why));
  }

  private SessionRecord record(SessionOpen open, SessionRow row) {
    ConnectResponse frame;
    try {
      frame = ConnectResponse.parseFrom(row.frame());
    } catch (InvalidProtocolBufferException e) {
      throw new StorageException("the store's record of a session can't be read", e);
    }
    return SessionRecord.stored(
        open.session(),
        host,
        row.completed(),
        outcomes(frame),
        frame.hasBroken() ? frame.getBroken() : null);
  }

  /** Outcomes as the store has them. */
  static List<Outcome> outcomes(ConnectResponse frame) {
    List<Outcome> outcomes = new ArrayList<>(frame.getOutcomesCount());
    for (dev.seriatim.v1.Outcome outcome : frame.getOutcomesList()) {
      outcomes.add(
          outcome.hasJson()
              ? new Outcome(outcome.getSequence(), null, outcome.getJson())
              : new Outcome(outcome.getSequence(), Content.of(outcome.getMessage()), null));
    }
    return outcomes;
  }

  private Opened opened(SessionOpen open, SessionRecord record) {
    return open.opened().toBuilder()
        .setSession(
            OpenedSession.newBuilder()
                .setCompletedThrough(record.completed())
                .setRetention(Durations.fromNanos(retention.toNanos())))
        .build();
  }

  // ---- the map

  private synchronized @Nullable SessionRecord find(ByteString id) {
    return records.get(id);
  }

  private synchronized void put(SessionRecord record) {
    records.put(record.id(), record);
  }

  private void requireRoom(boolean replaces) throws BreakException {
    int limit = host.limits().sessions().maxSessionsPerObject();
    int here;
    synchronized (this) {
      if (records.size() >= Math.min(purgedFrom, limit)) {
        purge();
        purgedFrom = Math.max(PURGED_FROM, 2 * records.size());
      }
      here = records.size() - (replaces ? 1 : 0);
    }
    if (here >= limit || stored.isFullOfSessions(here)) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.OVERLOADED,
              "the object has %,d sessions or more, expected fewer (maxSessionsPerObject)"
                  .formatted(limit)));
    }
  }

  /**
   * Forgets those whose clients have been away for a whole retention: whoever resumes so late is
   * told so, if anything of its is unanswered.
   */
  @GuardedBy("this")
  private void purge() {
    long before = host.nanos() - retention.toNanos();
    for (Iterator<SessionRecord> i = records.values().iterator(); i.hasNext(); ) {
      SessionRecord record = i.next();
      if (record.isAwaySince(before)) {
        i.remove();
        record.dropped();
      }
    }
  }

  /** The client has closed its stub. Forgets the session, if there is nothing to tell again. */
  void closed(SessionRecord record) {
    if (!record.isAcknowledged()) {
      return;
    }
    synchronized (this) {
      if (!records.remove(record.id(), record)) {
        return;
      }
    }
    record.dropped();
    if (record.isStored()) {
      record.isStored(false);
      stored.forget(record);
    }
  }

  /** The object goes from memory. */
  synchronized void retire() {
    for (SessionRecord record : records.values()) {
      if (log.isVolatile() && record.isStored()) {
        stored.keep(record);
      }
      record.dropped();
    }
    records.clear();
    stored.retire();
  }
}
