package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import java.util.ArrayList;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the running turn has written so far. Owned by its {@link TurnStorage}, under whose lock
 * every method is called.
 */
final class WriteSet {
  /** What undoes one change, newest last; only kept inside a transaction. */
  private final ArrayList<Runnable> undo = new ArrayList<>(0);

  private final long maxBytes;

  private int transactions;

  /** The newest write of each key, since {@link #cleared} if that is set. */
  TreeMap<String, Write> writes = new TreeMap<>(Keys.ORDER);

  /** Whether every entry from before this turn is gone. */
  boolean cleared;

  /** What becomes of the alarm; null if nothing does. */
  @Nullable AlarmTime alarm;

  /** Whether {@link #alarm} is only the removal of the alarm that this turn runs. */
  boolean alarmTaken;

  private long bytes;

  WriteSet(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** About how much memory the writes hold. */
  long bytes() {
    return bytes;
  }

  /** Refuses what would make the turn too large, before it is written. */
  void reserve(long more) {
    if (bytes + more > maxBytes) {
      throw new StorageException(
          "the turn's writes would hold "
              + (bytes + more)
              + " bytes, expected at most "
              + maxBytes
              + " (maxTurnBytes)");
    }
  }

  boolean hasChanges() {
    return cleared || alarm != null || !writes.isEmpty();
  }

  /** Whether the object's own code wrote anything. */
  boolean hasWritten() {
    return cleared || !writes.isEmpty() || (alarm != null && !alarmTaken);
  }

  void put(String key, @Nullable ByteString value) {
    Write old = writes.get(key);
    Write write = new Write(key, value);
    writes.put(key, write);
    long delta = (long) write.bytes() - (old == null ? 0 : old.bytes());
    bytes += delta;
    if (transactions > 0) {
      undo.add(
          () -> {
            if (old == null) {
              writes.remove(key);
            } else {
              writes.put(key, old);
            }
            bytes -= delta;
          });
    }
  }

  void clear() {
    TreeMap<String, Write> oldWrites = writes;
    boolean oldCleared = cleared;
    long oldBytes = bytes;
    writes = new TreeMap<>(Keys.ORDER);
    cleared = true;
    bytes = 0;
    if (transactions > 0) {
      undo.add(
          () -> {
            writes = oldWrites;
            cleared = oldCleared;
            bytes = oldBytes;
          });
    }
    setAlarm(AlarmTime.REMOVED);
  }

  void setAlarm(AlarmTime newAlarm) {
    AlarmTime old = alarm;
    boolean oldTaken = alarmTaken;
    alarm = newAlarm;
    alarmTaken = false;
    if (transactions > 0) {
      undo.add(
          () -> {
            alarm = old;
            alarmTaken = oldTaken;
          });
    }
  }

  /** Takes the alarm that this turn runs out of the object's state. */
  void takeAlarm() {
    alarm = AlarmTime.REMOVED;
    alarmTaken = true;
  }

  boolean inTransaction() {
    return transactions > 0;
  }

  int beginTransaction() {
    transactions++;
    return undo.size();
  }

  /** Ends the innermost transaction, undoing what came after {@code mark} if it failed. */
  void endTransaction(int mark, boolean failed) {
    while (failed && undo.size() > mark) {
      undo.removeLast().run();
    }
    transactions--;
    if (transactions == 0) {
      undo.clear();
    }
  }
}
