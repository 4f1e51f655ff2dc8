package dev.seriatim.service.object;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionObject;
import dev.seriatim.service.session.SessionRecord;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.SessionId;
import dev.seriatim.service.storage.SessionRow;
import dev.seriatim.service.storage.SessionWrite;
import dev.seriatim.service.storage.TurnStorage;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what a turn replied, so that it need not run again: as part of its stub's session, and
 * under its idempotency key. Used by the object's turn thread; stateless.
 */
final class Remembering {
  private final SessionObject object;
  private final ObjectLog log;
  private final StoredSessions stored;

  Remembering(SessionObject object, ObjectLog log, StoredSessions stored) {
    this.object = object;
    this.log = log;
    this.stored = stored;
  }

  /**
   * Submits what a turn wrote together with what is remembered of it.
   *
   * @param key null if the call may be executed again when it comes again
   * @return the commit that its outcome waits for
   * @throws StorageException if nothing of it was submitted
   */
  long submit(TurnStorage turn, Session stub, Outcome outcome, @Nullable IdempotencyKey key) {
    SessionRecord record = stub.record();
    if (key != null) {
      stored.requireLooked();
      stored.madeKey(key.id()); // Rather once too often than not.
    }
    long commit;
    if (record == null) {
      commit = endTurn(turn, outcome, null, key);
    } else if (key == null && log.isVolatile()) {
      int life = log.life();
      commit = turn.endTurn();
      record.completed(outcome, commit, life);
    } else {
      int life = log.life();
      boolean submitted = false;
      record.prepare(outcome);
      try {
        commit = endTurn(turn, outcome, record, key);
        submitted = true;
      } finally {
        if (!submitted) {
          record.withdraw();
        }
      }
      record.completed(commit, life);
    }
    return commit;
  }

  private long endTurn(
      TurnStorage turn,
      Outcome outcome,
      @Nullable SessionRecord record,
      @Nullable IdempotencyKey key) {
    SessionWrite ofSession = null;
    if (record != null && log.isVolatile()) {
      record.isStored(true); // As soon as the object goes from memory.
    } else if (record != null) {
      ofSession = stored.write(record, outcome.sequence());
    }
    if (key == null) {
      return ofSession == null
          ? turn.endTurn()
          : turn.endTurn(List.of(ofSession), /* always= */ false);
    }
    SessionWrite ofKey = write(key, outcome);
    return turn.endTurn(
        ofSession == null ? List.of(ofKey) : List.of(ofKey, ofSession), /* always= */ true);
  }

  private static SessionWrite write(IdempotencyKey key, Outcome outcome) {
    ByteString frame = ByteString.copyFrom(ResponseEncoder.encode(List.of(outcome), null).bytes());
    SessionRow row = new SessionRow(0, 0, key.fingerprint(), frame);
    return new SessionWrite() {
      @Override
      public SessionId session() {
        return key.id();
      }

      @Override
      public boolean isKey() {
        return true;
      }

      @Override
      public SessionRow row() {
        return row;
      }
    };
  }

  /**
   * Whether nothing is remembered under this key, as far as that is known without asking the store.
   * Doesn't block while the object has an instance.
   */
  boolean isNew(IdempotencyKey key) {
    try {
      return stored.isNewKey(key.id());
    } catch (StorageException e) {
      return false; // Who asks will be told.
    }
  }

  /**
   * Answers an invocation from what is remembered under its key, or breaks its stub.
   *
   * @return false if it has to be executed
   */
  boolean repeat(Session stub, long sequence, IdempotencyKey key) {
    SessionRow row;
    long gate;
    int life;
    try {
      life = log.life();
      row = stored.key(key.id());
      gate = log.sessions().gate();
      if (row == null) {
        if (!stored.isFullOfKeys()) {
          return false;
        }
        stub.breakTurn(tooMany().blaming(sequence), object.pendingCommit());
        return true;
      }
    } catch (StorageException e) {
      stub.breakTurn(ThrownCause.reset(e).blaming(sequence), object.pendingCommit());
      return true;
    }
    if (!key.fingerprint().equals(row.fingerprint())) {
      stub.breakTurn(usedOtherwise().blaming(sequence), object.pendingCommit());
      return true;
    }
    Outcome outcome = read(row, sequence);
    if (outcome == null) {
      stub.breakTurn(unreadable().blaming(sequence), gate);
      return true;
    }
    BreakCause noRoom = object.reserve(outcome);
    if (noRoom != null) {
      stub.breakTurn(noRoom.blaming(sequence), gate);
      return true;
    }
    SessionRecord record = stub.record();
    if (record != null) {
      record.prepare(outcome);
      record.completed(gate, life);
    } else {
      stub.replayed(); // A call with a header has to tell, and that has no session.
    }
    try {
      stub.complete(outcome, gate);
    } catch (RuntimeException | Error e) {
      stub.lose(e);
    }
    return true;
  }

  private BreakCause tooMany() {
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "the object has %,d idempotency keys, expected fewer (maxIdempotencyKeysPerObject)"
            .formatted(object.sessionHost().limits().sessions().maxIdempotencyKeysPerObject()));
  }

  private static BreakCause usedOtherwise() {
    return BreakCause.of(
        BreakReason.IDEMPOTENCY_MISMATCH,
        "the idempotency key was used for another method or another argument");
  }

  private static BreakCause unreadable() {
    return BreakCause.of(
        BreakReason.OBJECT_RESET, "the store's record of an idempotency key can't be read");
  }

  private static @Nullable Outcome read(SessionRow row, long sequence) {
    try {
      List<Outcome> outcomes = SessionTable.outcomes(ConnectResponse.parseFrom(row.frame()));
      return outcomes.size() == 1
          ? new Outcome(sequence, outcomes.getFirst().message(), outcomes.getFirst().json())
          : null;
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }
}
