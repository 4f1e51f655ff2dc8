package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Keeps a second host out of a data directory: two locks, which the operating system frees with the
 * process. One is on a file of its own, which says whose it is. People remove that now and then;
 * the other one is on the database itself.
 */
final class DirectoryLock implements AutoCloseable {
  static final String FILE = "seriatim.lock";

  /**
   * The byte of the database that is locked: near those that SQLite locks, which no data is at, and
   * none of them.
   */
  private static final long DATABASE_BYTE = (1L << 30) + 1024;

  /**
   * The directories that this process has locked. They must not be opened a second time: to close
   * any channel on a file gives up all of the process's locks on it.
   */
  private static final Set<Path> LOCKED = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel own;

  private @Nullable FileChannel database;

  private final AtomicBoolean closed = new AtomicBoolean();

  private DirectoryLock(Path directory, FileChannel own) {
    this.directory = directory;
    this.own = own;
  }

  /**
   * Locks the directory.
   *
   * @throws InUseException if another host has it
   * @throws StorageException if it can't be written
   */
  static DirectoryLock take(Path dataDirectory) {
    Path directory;
    try {
      directory = dataDirectory.toRealPath();
    } catch (IOException e) {
      throw unusable(dataDirectory, e);
    }
    if (!LOCKED.add(directory)) {
      throw inUse(directory, "process " + ProcessHandle.current().pid() + ", this one");
    }
    FileChannel channel = null;
    boolean locked = false;
    try {
      Path file = directory.resolve(FILE);
      channel = open(file);
      if (!tryLock(channel, 0)) {
        throw inUse(directory, "process " + owner(file));
      }
      sign(channel);
      locked = true;
      return new DirectoryLock(directory, channel);
    } catch (IOException e) {
      throw unusable(directory, e);
    } finally {
      if (!locked) {
        close(channel);
        LOCKED.remove(directory);
      }
    }
  }

  /**
   * Locks the database as well. SQLite has to have it open already, with a lock of its own that it
   * holds from now on until this is closed: it then closes no file that belongs to the database,
   * which would give up this lock. And this has to be closed behind all of SQLite's connections,
   * for that gives up SQLite's locks.
   *
   * @throws InUseException if another host has it
   */
  void lockDatabase(Path file) {
    try {
      FileChannel channel = open(file);
      database = channel;
      if (!tryLock(channel, DATABASE_BYTE)) {
        throw inUse(directory, "its " + FILE + " was removed");
      }
    } catch (IOException e) {
      throw unusable(directory, e);
    }
  }

  @Override
  public void close() {
    if (!closed.getAndSet(true)) { // Another host may have it by now.
      close(database);
      close(own);
      LOCKED.remove(directory);
    }
  }

  /** For people, and for the message of who comes second. */
  private static void sign(FileChannel channel) {
    try {
      channel.truncate(0);
      channel.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(US_ASCII)));
    } catch (IOException e) { // The disk may be full. What counts is the lock.
      LoggerFactory.getLogger(DirectoryLock.class).debug("the lock file was not written", e);
    }
  }

  private static FileChannel open(Path file) throws IOException {
    return FileChannel.open(
        file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  private static boolean tryLock(FileChannel channel, long position) throws IOException {
    try {
      return channel.tryLock(position, 1, /* shared= */ false) != null;
    } catch (OverlappingFileLockException e) { // This process has it, by another path.
      return false;
    }
  }

  private static void close(@Nullable FileChannel channel) {
    if (channel != null) {
      JdbcStore.closeQuietly(channel);
    }
  }

  private static InUseException inUse(Path directory, String owner) {
    return new InUseException(
        "data directory " + directory + " is in use by another host (" + owner + ")");
  }

  private static StorageException unusable(Path directory, IOException e) {
    return new StorageException("data directory " + directory + " can't be used: " + e, e);
  }

  private static String owner(Path file) {
    try {
      return Files.readString(file, US_ASCII).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  /** Another host has the directory. */
  static final class InUseException extends StorageException {
    private static final long serialVersionUID = 1;

    InUseException(String message) {
      super(message);
    }
  }
}
