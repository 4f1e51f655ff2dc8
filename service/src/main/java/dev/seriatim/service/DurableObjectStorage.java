package dev.seriatim.service;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one durable object keeps when its instance goes: entries of a key and a value, and one
 * alarm. Private to the object.
 *
 * <p><b>Turns.</b> It can be used while a turn of the object is running, the construction of the
 * instance included, and at no other time. A turn is atomic: its writes gather in memory, become
 * durable together when the turn completes normally, and leave no trace if it fails. Reads see the
 * turn's own writes and those of every earlier turn. The host holds the turn's outcome back until
 * all that the turn wrote or could have read is durable, and goes on with the object's next turn
 * meanwhile; so there is no need to wait for a write.
 *
 * <p><b>Keys</b> are strings of at most {@value #MAX_KEY_BYTES} bytes in UTF-8, the empty string
 * included. They are ordered by those bytes. <b>Values</b> are at most {@value #MAX_VALUE_BYTES}
 * bytes; an empty value is a value. A protobuf message is stored as its bytes, so {@code put} of a
 * message and {@code put} of its bytes are the same.
 *
 * <p><b>Threads.</b> Methods block while they read from the store; they are made for virtual
 * threads, on which the host runs turns. A handler may hand the storage to other threads and use it
 * from all of them as long as its turn lasts; each method is then atomic. Writes never block.
 *
 * <p><b>Errors.</b> Every method throws {@link IllegalStateException} outside a turn, and in an
 * instance that the host has discarded; {@link StorageException} if the store fails; and {@link
 * IllegalArgumentException} for a key or a value that is too long, or a key that isn't valid
 * Unicode. A method that throws has changed nothing.
 */
public interface DurableObjectStorage {
  /** The longest key, in bytes of UTF-8. */
  int MAX_KEY_BYTES = 2048;

  /** The longest value, in bytes. */
  int MAX_VALUE_BYTES = 2 * 1024 * 1024;

  /** The value of this key, or empty if there is none. */
  Optional<ByteString> get(String key);

  /**
   * The values of those of these keys that have one, in the order of the keys' bytes. A store is
   * asked for up to 128 of them at a time: one after the other takes as many round trips.
   */
  Map<String, ByteString> get(Collection<String> keys);

  /**
   * The message stored under this key, or empty if there is none.
   *
   * @throws StorageException if the value isn't such a message
   */
  <M extends MessageLite> Optional<M> get(String key, Parser<M> parser);

  /**
   * The message stored under this key, or this default if there is none. The default also says
   * which kind of message it is:
   *
   * <pre>{@code
   * long count = storage.get("count", Int64Value.getDefaultInstance()).getValue();
   * }</pre>
   *
   * @throws StorageException if the value isn't such a message
   */
  <M extends MessageLite> M get(String key, M defaultMessage);

  /**
   * The messages stored under those of these keys that have one, in the order of the keys' bytes.
   *
   * @throws StorageException if a value isn't such a message
   */
  <M extends MessageLite> Map<String, M> get(Collection<String> keys, Parser<M> parser);

  /** Gives this key this value, whether or not it had one. */
  void put(String key, ByteString value);

  /** Gives this key this message as its value, whether or not it had one. */
  void put(String key, MessageLite value);

  /** Puts all of these entries, or none of them if one is refused. */
  void put(Map<String, ByteString> entries);

  /** Puts all of these entries, or none of them if one is refused. */
  void putMessages(Map<String, ? extends MessageLite> entries);

  /**
   * Removes the entry with this key, and says whether there was one. A delete of what isn't there
   * is a read, not a write.
   */
  boolean delete(String key);

  /** Removes the entries with these keys, and says how many there were. */
  int delete(Collection<String> keys);

  /** Every entry, in ascending order of the keys' bytes. The whole result is in memory at once. */
  default Map<String, ByteString> list() {
    return list(ListOptions.all());
  }

  /** The entries that these options describe, in their order. */
  Map<String, ByteString> list(ListOptions options);

  /**
   * The entries that these options describe, in their order, as messages.
   *
   * @throws StorageException if a value isn't such a message
   */
  <M extends MessageLite> Map<String, M> list(ListOptions options, Parser<M> parser);

  /** Removes every entry and the alarm. Part of the turn, like any other write. */
  void deleteAll();

  /**
   * Runs this body, and undoes what it wrote if it throws: storage is then as it was when the body
   * began, and the exception reaches the caller. Whatever it is, the turn may go on.
   *
   * <p>Transactions nest: an inner one undoes its own writes only. The body runs on the calling
   * thread; other threads of the turn wait until it ends, so the body must not wait for another
   * thread that uses this storage. The turn can't end inside it.
   *
   * @return what the body returned
   * @throws E what the body threw
   */
  // As with ExecutorService.submit, a lambda is never both: it gives a value or it doesn't.
  @SuppressWarnings("FunctionalInterfaceClash")
  <T extends @Nullable Object, E extends Exception> T transaction(Transaction<T, E> body) throws E;

  /**
   * Like {@link #transaction(Transaction)}, with a body that returns nothing.
   *
   * @throws E what the body threw
   */
  @SuppressWarnings("FunctionalInterfaceClash")
  default <E extends Exception> void transaction(VoidTransaction<E> body) throws E {
    Transaction<@Nullable Void, E> returning =
        () -> {
          body.run();
          return null;
        };
    transaction(returning);
  }

  /**
   * Waits until the writes of all earlier turns are durable. Those of the running turn are not
   * among them: they become durable together, after it.
   *
   * <p>Only needed before an effect outside the object that must not run ahead of the object's own
   * state; outcomes are held back without it.
   *
   * @throws StorageException if those writes were lost, or the thread was interrupted
   */
  void sync();

  /**
   * When the alarm is due, or empty if none is set. Empty also while the alarm is running, and when
   * it was given up after its last try.
   */
  Optional<Instant> getAlarm();

  /**
   * Sets the object's one alarm, in place of the one that was set before, if any. It runs as a turn
   * of its own at this time or as soon after it as the host can; at once if the time has passed.
   * Counted in milliseconds; a finer time is rounded up.
   *
   * @throws IllegalArgumentException if the time is too far away to be counted in milliseconds
   */
  void setAlarm(Instant time);

  /** Removes the alarm, if one is set. */
  void deleteAlarm();

  /**
   * The body of a transaction that returns something.
   *
   * @param <T> what it returns
   * @param <E> what it may throw
   */
  @FunctionalInterface
  interface Transaction<T extends @Nullable Object, E extends Exception> {
    /** Reads and writes. */
    T run() throws E;
  }

  /**
   * The body of a transaction that returns nothing.
   *
   * @param <E> what it may throw
   */
  @FunctionalInterface
  interface VoidTransaction<E extends Exception> {
    /** Reads and writes. */
    void run() throws E;
  }
}
