package dev.seriatim.service.access;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a file says, looked at again and again. A file that has become bad is logged, and what it
 * said before stays in force. It is read as a whole each time: such files are small, and neither
 * their time nor their size tells for sure that they have changed.
 *
 * <p>Safe for any number of threads.
 *
 * @param <T> what is made of the text
 */
public final class WatchedFile<T> {
  /** The largest file, in bytes. */
  public static final int MAX_BYTES = 16 << 20;

  private static final Logger logger = LoggerFactory.getLogger(WatchedFile.class);

  private final String what;
  private final Path file;
  private final Function<String, T> parser;
  private final ReentrantLock lock = new ReentrantLock();

  private volatile T current;
  private volatile long lookedAtNanos;

  /** The bytes that were looked at last, good or bad. Guarded by the lock. */
  private byte[] seen;

  /** What was wrong at the last look, for it is logged once; empty if nothing. Guarded by lock. */
  private String complaint = "";

  /**
   * Reads the file.
   *
   * @param what what the file is, in an error's words: {@code policy}
   * @param parser makes of the text what it says, or throws an IllegalArgumentException, whose
   *     message says what is wrong and where, and nothing that is secret
   * @throws IllegalArgumentException if it can't be read, or is bad; the message names the file
   */
  public WatchedFile(String what, Path file, Function<String, T> parser) {
    this.what = what;
    this.file = file;
    this.parser = parser;
    try {
      seen = bytes();
      current = parser.apply(text(seen));
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException(complaint(e), e);
    }
    lookedAtNanos = System.nanoTime();
  }

  /** What the file said when it was last good. */
  public T current() {
    return current;
  }

  /** The same, after a look at it if the last one was this long ago. May block. */
  T current(Duration every, LongSupplier nanos) {
    var _ = lookIfDue(every, nanos);
    return current;
  }

  /** Looks at it if the last look was this long ago; returns what {@link #look} does. May block. */
  boolean lookIfDue(Duration every, LongSupplier nanos) {
    if (nanos.getAsLong() - lookedAtNanos < every.toNanos() || !lock.tryLock()) {
      return false;
    }
    try {
      boolean changed = look();
      lookedAtNanos = nanos.getAsLong();
      return changed;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Looks at the file now.
   *
   * @return whether it says something else now, and well
   */
  public boolean look() {
    lock.lock();
    try {
      byte[] found = bytes();
      if (Arrays.equals(found, seen) && complaint.isEmpty()) {
        return false;
      }
      seen = found;
      current = parser.apply(text(found));
      complaint = "";
      logger.info("{} '{}': read anew", what, file);
      return true;
    } catch (IOException | IllegalArgumentException e) {
      String found = complaint(e);
      if (!found.equals(complaint)) {
        logger.warn("{}; what it said before stays in force", found);
      }
      complaint = found;
      return false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Reads the file again, whether it has changed or not: the parser sees things otherwise now.
   *
   * @throws IllegalArgumentException if it can't be read, or is bad; the message names the file
   */
  public void readAgain() {
    lock.lock();
    try {
      byte[] found = bytes();
      current = parser.apply(text(found));
      seen = found;
      complaint = "";
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException(complaint(e), e);
    } finally {
      lock.unlock();
    }
  }

  private byte[] bytes() throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new IOException("longer than " + MAX_BYTES + " bytes, which is the most");
      }
      return bytes;
    }
  }

  private static String text(byte[] bytes) throws IOException {
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IOException("not UTF-8", e);
    }
  }

  private String complaint(Exception e) {
    String why = e instanceof NoSuchFileException ? "there is no such file" : e.getMessage();
    return "%s '%s': %s".formatted(what, file, why);
  }
}
