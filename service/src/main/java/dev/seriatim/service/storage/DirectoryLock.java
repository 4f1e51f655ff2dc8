package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Keeps a second host out of a data directory. The operating system frees it with the process. */
final class DirectoryLock implements AutoCloseable {
  private static final String FILE = "seriatim.lock";

  /**
   * The directories that this process has locked. They must not be opened a second time: to close
   * any channel on a file gives up all of the process's locks on it.
   */
  private static final Set<Path> LOCKED = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel channel;

  private DirectoryLock(Path directory, FileChannel channel) {
    this.directory = directory;
    this.channel = channel;
  }

  /**
   * Locks the directory.
   *
   * @throws StorageException if another host has it, or it can't be written
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
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (channel.tryLock() == null) {
        throw inUse(directory, "process " + owner(file));
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(US_ASCII)));
      locked = true;
      return new DirectoryLock(directory, channel);
    } catch (IOException e) {
      throw unusable(directory, e);
    } finally {
      if (!locked) {
        if (channel != null) {
          JdbcStore.closeQuietly(channel);
        }
        LOCKED.remove(directory);
      }
    }
  }

  @Override
  public void close() {
    JdbcStore.closeQuietly(channel);
    LOCKED.remove(directory);
  }

  private static StorageException inUse(Path directory, String owner) {
    return new StorageException(
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
}
