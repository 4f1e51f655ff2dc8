package dev.seriatim.service.storage;

import com.google.common.collect.Maps;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the turns of one instance of an object read and write, and the bracket around them.
 *
 * <p>{@link #beginTurn}, {@link #endTurn}, {@link #rollback} and {@link #beginAlarmTurn} are called
 * by the object's turn thread, one turn after the other; each {@code begin} is followed by one
 * {@code endTurn} or one {@code rollback}, and by a {@code rollback} also if {@code endTurn} threw.
 * {@link #discard} may be called by any thread at any time. The {@link DurableObjectStorage}
 * methods may be called by any thread; they are refused outside a turn.
 */
public final class TurnStorage implements DurableObjectStorage {
  private static final VarHandle OPEN;

  static {
    try {
      OPEN = MethodHandles.lookup().findVarHandle(TurnStorage.class, "open", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** How long the end of a turn waits for another thread that still uses the turn's storage. */
  private static final long END_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final ObjectLog log;

  /** Held by every use in a turn from beginning to end, reads from the store included. */
  private final ReentrantLock lock = new ReentrantLock();

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

  TurnStorage(ObjectLog log) {
    this.log = log;
  }

  // ---- the bracket around a turn

  /**
   * A turn begins.
   *
   * @throws StorageException if the instance was lost with a failed commit, or the host no longer
   *     owns the object; the instance must go, and another may succeed
   */
  public void beginTurn() {
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
  public long endTurn() {
    OPEN.setVolatile(this, false);
    return used ? endUsedTurn() : log.gate(this);
  }

  private long endUsedTurn() {
    if (!lockAtEnd()) {
      throw new IllegalStateException(
          "the turn ended while another thread was in the middle of using its storage");
    }
    try {
      WriteSet ending = turn;
      if (ending != null && ending.inTransaction()) {
        throw new IllegalStateException("the turn ended inside a storage transaction");
      }
      if (ending == null || !ending.hasChanges()) {
        turn = null;
        used = false;
        return log.gate(this);
      }
      long commit = log.submit(this, ending);
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
  public boolean rollback() {
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

  /**
   * The object's name if anyone has ever opened it by name, from the store if need be. Called by
   * any thread, in a turn or outside.
   *
   * @throws StorageException if the store has to be asked and fails
   */
  public @Nullable String readName() {
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
   * @throws StorageException as {@link #beginTurn}, or because the store failed; no turn was begun
   */
  public @Nullable Alarm beginAlarmTurn() {
    beginTurn();
    boolean begun = false;
    try {
      lock.lock();
      try {
        WriteSet running = running();
        int life = log.currentLife();
        AlarmTime alarm = readAlarm();
        if (alarm == null || !alarm.isSet() || alarm.dueMillis() > log.nowMillis()) {
          log.answerAlarm(alarm);
          return null;
        }
        running.takeAlarm();
        begun = true;
        return new Alarm(Instant.ofEpochMilli(alarm.dueMillis()), alarm.retries(), life);
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
  public void discard() {
    refuse(new IllegalStateException("this instance was discarded by its host"));
    log.discarded(this);
  }

  /**
   * Why this storage refuses every use: the cause of the failed commit with which the instance was
   * lost, or an {@link IllegalStateException} if it was discarded; null while it is in order.
   */
  public @Nullable Throwable refusal() {
    return refusal;
  }

  void refuse(Throwable why) {
    synchronized (log) {
      if (refusal == null) {
        refusal = why;
        log.notifyAll(); // those who wait for room or for a commit
      }
    }
  }

  void requireUsable() {
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
  private WriteSet running() {
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
    LinkedHashMap<String, ByteString> found = new LinkedHashMap<>();
    lock.lock();
    try {
      WriteSet running = running();
      for (String key : sorted) {
        ByteString value = read(running, key);
        if (value != null) {
          found.put(key, value);
        }
      }
    } finally {
      lock.unlock();
    }
    return Collections.unmodifiableMap(found);
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
      for (Iterator<String> i = sorted.iterator(); i.hasNext(); ) {
        if (read(running, i.next()) == null) {
          i.remove();
        }
      }
      for (String key : sorted) {
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
      Map<String, ByteString> entries = log.list(this, range, own);
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

  /**
   * Waits until every commit of this object that was submitted by now is durable. Called by any
   * thread, in a turn or outside.
   *
   * @throws StorageException if one of them was lost, or the thread was interrupted
   * @throws IllegalStateException if the instance was discarded
   */
  public void awaitCommits() {
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
    ByteString value = log.read(this, key);
    checkRead();
    return value;
  }

  private @Nullable AlarmTime readAlarm() {
    AlarmTime alarm = log.readAlarm(this);
    checkRead();
    return alarm;
  }

  /**
   * Must be called after each read of what is below the turn. What this instance wrote is forgotten
   * in one step with its refusal, when a commit is lost, and a later instance comes after that. So
   * who is still not refused has read what the instance had written, and nothing that came later.
   */
  private void checkRead() {
    requireUsable();
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
