package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The log of one object in a host that keeps nothing: every commit is done at once. */
final class MemoryLog extends ObjectLog implements ObjectReads {
  private final MemoryEngine engine;

  MemoryLog(MemoryEngine engine, ObjectKey key, @Nullable String name) {
    super(engine, key, name);
    this.engine = engine;
  }

  @Override
  public long pendingCommit() {
    return 0;
  }

  @Override
  public void close() {}

  @Override
  void checkOwned(TurnBracket instance) {
    instance.requireUsable();
  }

  @Override
  ObjectReads reads() {
    return this;
  }

  @Override
  public @Nullable ByteString read(TurnBracket instance, String entryKey) {
    Contents contents = engine.contents(key);
    if (contents == null) {
      return null;
    }
    synchronized (contents) {
      return contents.entries.get(entryKey);
    }
  }

  @Override
  public Map<String, ByteString> read(TurnBracket instance, Collection<String> entryKeys) {
    Map<String, ByteString> values = new HashMap<>();
    for (String entryKey : entryKeys) {
      ByteString value = read(instance, entryKey);
      if (value != null) {
        values.put(entryKey, value);
      }
    }
    return values;
  }

  @Override
  public Map<String, ByteString> list(
      TurnBracket instance, Range range, NavigableMap<String, Write> own) {
    Contents contents = engine.contents(key);
    if (contents == null) {
      return Merge.merge(range, own, Collections.emptyMap());
    }
    synchronized (contents) {
      return Merge.merge(range, own, range.of(contents.entries));
    }
  }

  @Override
  public @Nullable AlarmTime readAlarm(TurnBracket instance) {
    Contents contents = engine.contents(key);
    if (contents == null) {
      return null;
    }
    synchronized (contents) {
      return contents.alarm;
    }
  }

  @Override
  @GuardedBy("this")
  void rememberName() {
    Contents contents = engine.contents(key);
    if (contents != null && knownName() != null) {
      synchronized (contents) {
        contents.name = knownName();
      }
    }
  }

  @Override
  @Nullable String readName(TurnBracket instance) {
    Contents contents = engine.contents(key);
    if (knownName() == null && contents != null) {
      synchronized (this) {
        synchronized (contents) {
          nameFound(contents.name);
        }
      }
    }
    return knownName();
  }

  @Override
  long gate(TurnBracket instance) {
    instance.requireUsable();
    return 0;
  }

  @Override
  public SessionLog sessions() {
    return new MemorySessionLog(engine.sessions(), key);
  }

  @Override
  long submit(TurnBracket instance, @Nullable WriteSet turn, List<SessionWrite> sessions) {
    // Holding the monitor, so that a discard comes before all of it or after all of it.
    synchronized (this) {
      instance.requireUsable();
      if (turn != null) {
        apply(turn);
      }
    }
    // Without the monitor. Only this thread reads what is kept of sessions.
    for (SessionWrite session : sessions) {
      engine.sessions().write(key, session.session(), session.row());
    }
    if (turn != null && turn.alarm != null) {
      answerAlarm(turn.alarm);
    }
    return 0;
  }

  @GuardedBy("this")
  private void apply(WriteSet turn) {
    Contents contents = engine.contentsForWrite(key, knownName());
    synchronized (contents) {
      nameFound(contents.name);
      if (turn.cleared) {
        contents.entries.clear();
      }
      for (Write write : turn.writes.values()) {
        if (write.value == null) {
          contents.entries.remove(write.key);
        } else {
          contents.entries.put(write.key, write.value);
        }
      }
      if (turn.alarm != null) {
        contents.alarm = turn.alarm.equals(AlarmTime.REMOVED) ? null : turn.alarm;
      }
      if (contents.entries.isEmpty() && contents.alarm == null) {
        engine.remove(key);
      }
    }
  }

  @Override
  void submitAlarm(int life, AlarmTime alarm) {
    Contents contents = engine.contentsForWrite(key, knownName());
    synchronized (contents) {
      contents.alarm = alarm.equals(AlarmTime.REMOVED) ? null : alarm;
      if (contents.entries.isEmpty() && contents.alarm == null) {
        engine.remove(key);
      }
    }
    answerAlarm(alarm);
  }

  @Override
  void answerAlarm(@Nullable AlarmTime alarm) {
    Contents contents = engine.contents(key);
    if (alarm == null || contents == null) {
      alarmIs(AlarmTime.REMOVED, ObjectRow.NO_ROW);
    } else {
      alarmIs(alarm, contents.row);
    }
  }

  @Override
  boolean isOwnedByHost() {
    return true;
  }

  @Override
  void awaitDurable(TurnBracket instance) {}

  @Override
  int currentLife() {
    return 0;
  }

  @Override
  void beginLife() {}

  /** What one object has stored. Its fields are guarded by its monitor. */
  static final class Contents {
    final long row;
    @Nullable String name;
    final TreeMap<String, ByteString> entries = new TreeMap<>(Keys.ORDER);
    @Nullable AlarmTime alarm;

    Contents(long row, @Nullable String name) {
      this.row = row;
      this.name = name;
    }
  }
}
