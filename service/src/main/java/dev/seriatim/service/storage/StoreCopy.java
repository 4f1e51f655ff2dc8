package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/** A file with a copy of a store, which goes when this is closed. */
public final class StoreCopy implements AutoCloseable {
  private final Path file;
  private final Runnable gone;

  StoreCopy(Path file, Runnable gone) {
    this.file = file;
    this.gone = gone;
  }

  /** The file. Whoever wants to keep it copies or reads it. */
  public Path file() {
    return file;
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LoggerFactory.getLogger(StoreCopy.class).warn("{} could not be removed", file, e);
    } finally {
      gone.run();
    }
  }

  /** There is not enough room on the disk. */
  public static final class NoRoomException extends StorageException {
    private static final long serialVersionUID = 1;

    NoRoomException(String message) {
      super(message, /* cause= */ null, /* retryable= */ false);
    }
  }
}
