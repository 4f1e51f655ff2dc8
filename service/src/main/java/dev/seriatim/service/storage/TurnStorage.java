package dev.seriatim.service.storage;

import com.google.common.collect.Maps;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the turns of one instance of an object read and write. The methods of {@link
 * DurableObjectStorage} may be called by any thread; they are refused outside a turn, of which the
 * bracket around it knows.
 */
public final class TurnStorage extends TurnBracket implements DurableObjectStorage {
  TurnStorage(ObjectLog log) {
    super(log);
  }

  // ---- entries

  @Override
  public Optional<ByteString> get(String key) {
    Keys.checkKey(key);
    lock.lock();
    try {
      return Optional.ofNullable(read(running(), key));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Map<String, ByteString> get(Collection<String> keys) {
    NavigableSet<String> sorted = checked(keys);
    lock.lock();
    try {
      return Collections.unmodifiableMap(read(running(), sorted));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public <M extends MessageLite> Optional<M> get(String key, Parser<M> parser) {
    return get(key).map(value -> parse(key, value, parser));
  }

  @Override
  public <M extends MessageLite> M get(String key, M defaultMessage) {
    @SuppressWarnings("unchecked") // a message's parser gives messages of its own kind
    Parser<M> parser = (Parser<M>) defaultMessage.getParserForType();
    return get(key, parser).orElse(defaultMessage);
  }

  @Override
  public <M extends MessageLite> Map<String, M> get(Collection<String> keys, Parser<M> parser) {
    return parse(get(keys), parser);
  }

  @Override
  public void put(String key, ByteString value) {
    Keys.checkKey(key);
    Keys.checkValue(key, value);
    lock.lock();
    try {
      WriteSet running = running();
      running.reserve(Write.bytes(key, value));
      running.put(key, value);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void put(String key, MessageLite value) {
    log.types().see(value);
    put(key, value.toByteString());
  }

  @Override
  public void put(Map<String, ByteString> entries) {
    long bytes = 0;
    for (Map.Entry<String, ByteString> entry : entries.entrySet()) {
      Keys.checkKey(entry.getKey());
      Keys.checkValue(entry.getKey(), entry.getValue());
      bytes += Write.bytes(entry.getKey(), entry.getValue());
    }
    lock.lock();
    try {
      WriteSet running = running();
      running.reserve(bytes);
      entries.forEach(running::put);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void putMessages(Map<String, ? extends MessageLite> entries) {
    entries.values().forEach(log.types()::see);
    put(Map.copyOf(Maps.transformValues(entries, MessageLite::toByteString)));
  }

  @Override
  public boolean delete(String key) {
    Keys.checkKey(key);
    lock.lock();
    try {
      return delete(running(), key);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int delete(Collection<String> keys) {
    NavigableSet<String> sorted = checked(keys);
    int deleted = 0;
    lock.lock();
    try {
      WriteSet running = running();
      // All reads come first: if one fails, nothing has changed.
      for (String key : read(running, sorted).keySet()) {
        running.put(key, null);
        deleted++;
      }
    } finally {
      lock.unlock();
    }
    return deleted;
  }

  @Override
  public Map<String, ByteString> list(ListOptions options) {
    Range range = Range.of(options);
    if (range.isEmpty()) {
      lock.lock();
      try {
        running();
      } finally {
        lock.unlock();
      }
      return Map.of();
    }
    lock.lock();
    try {
      WriteSet running = running();
      NavigableMap<String, Write> own = range.of(running.writes);
      if (running.cleared) {
        return Merge.merge(range, own, Collections.emptyNavigableMap());
      }
      Map<String, ByteString> entries = log.reads().list(this, range, own);
      checkRead();
      return entries;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public <M extends MessageLite> Map<String, M> list(ListOptions options, Parser<M> parser) {
    return parse(list(options), parser);
  }

  @Override
  public void deleteAll() {
    lock.lock();
    try {
      running().clear();
    } finally {
      lock.unlock();
    }
  }

  // ---- transactions

  @Override
  @SuppressWarnings("FunctionalInterfaceClash")
  public <T extends @Nullable Object, E extends Exception> T transaction(Transaction<T, E> body)
      throws E {
    lock.lock();
    try {
      WriteSet running = running();
      int mark = running.beginTransaction();
      boolean completed = false;
      try {
        T result = body.run();
        completed = true;
        return result;
      } finally {
        running.endTransaction(mark, !completed);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void sync() {
    lock.lock();
    try {
      running();
    } finally {
      lock.unlock();
    }
    log.awaitDurable(this);
  }

  // ---- the alarm

  @Override
  public Optional<Instant> getAlarm() {
    lock.lock();
    try {
      WriteSet running = running();
      AlarmTime alarm = running.alarm;
      if (alarm == null) {
        alarm = readAlarm();
      }
      return alarm == null || !alarm.isSet()
          ? Optional.empty()
          : Optional.of(Instant.ofEpochMilli(alarm.dueMillis()));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void setAlarm(Instant time) {
    AlarmTime alarm = new AlarmTime(toMillis(time), 0);
    lock.lock();
    try {
      running().setAlarm(alarm);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void deleteAlarm() {
    lock.lock();
    try {
      WriteSet running = running();
      AlarmTime alarm = running.alarm;
      if (alarm == null ? readAlarm() != null : !alarm.equals(AlarmTime.REMOVED)) {
        running.setAlarm(AlarmTime.REMOVED);
      }
    } finally {
      lock.unlock();
    }
  }

  private static long toMillis(Instant time) {
    try {
      long millis = time.toEpochMilli();
      if (time.isAfter(Instant.ofEpochMilli(millis))) {
        millis = Math.addExact(millis, 1);
      }
      return Math.max(0, millis);
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "alarm time " + time + ", expected one that can be counted in milliseconds", e);
    }
  }

  // ---- what the entries have in common

  private @Nullable ByteString read(WriteSet running, String key) {
    Write own = running.writes.get(key);
    if (own != null) {
      return own.value;
    }
    if (running.cleared) {
      return null;
    }
    ByteString value = log.reads().read(this, key);
    checkRead();
    return value;
  }

  /** The values of those of these keys that have one, in their order. */
  private Map<String, ByteString> read(WriteSet running, NavigableSet<String> keys) {
    Map<String, ByteString> values = new LinkedHashMap<>();
    Map<String, ByteString> stored = Collections.emptyMap();
    if (!running.cleared) {
      List<String> unwritten =
          keys.stream().filter(key -> !running.writes.containsKey(key)).toList();
      stored = log.reads().read(this, unwritten);
      checkRead();
    }
    for (String key : keys) {
      Write own = running.writes.get(key);
      ByteString value = own == null ? stored.get(key) : own.value;
      if (value != null) {
        values.put(key, value);
      }
    }
    return values;
  }

  private boolean delete(WriteSet running, String key) {
    if (read(running, key) == null) {
      return false;
    }
    running.put(key, null);
    return true;
  }

  private static NavigableSet<String> checked(Collection<String> keys) {
    TreeSet<String> sorted = new TreeSet<>(Keys.ORDER);
    for (String key : keys) {
      Keys.checkKey(key);
      sorted.add(key);
    }
    return sorted;
  }

  private static <M extends MessageLite> M parse(String key, ByteString value, Parser<M> parser) {
    try {
      return parser.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new StorageException(
          "the value of key '" + key + "' is not the message that was asked for: " + e.getMessage(),
          e);
    }
  }

  private static <M extends MessageLite> Map<String, M> parse(
      Map<String, ByteString> values, Parser<M> parser) {
    LinkedHashMap<String, M> messages = new LinkedHashMap<>();
    values.forEach((key, value) -> messages.put(key, parse(key, value, parser)));
    return Collections.unmodifiableMap(messages);
  }
}
