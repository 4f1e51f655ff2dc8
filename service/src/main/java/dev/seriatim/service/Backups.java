package dev.seriatim.service;

import dev.seriatim.service.storage.StoreRestore;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;

/** What can be done with the backup of a SQLite store, of which the admin service sends one. */
public final class Backups {
  private Backups() {}

  /**
   * What was done.
   *
   * @param database the file that hosts use from now on
   * @param objects how many objects it has
   * @param before the database that was there, and is kept; empty if there was none
   */
  public record Restored(Path database, long objects, Optional<Path> before) {}

  /**
   * Puts this backup into a data directory that no host is using; it is made if it isn't there.
   * Nothing is changed unless the backup is sound. Blocks until all is on the disk.
   *
   * @throws StorageException if a host is using the directory, the backup is no sound database or
   *     was written by a newer version, or a file can't be read or written
   */
  public static Restored restore(Path backup, Path directory) {
    StoreRestore.Restored done = StoreRestore.restore(backup, directory, InstantSource.system());
    return new Restored(done.database(), done.objects(), done.before());
  }
}
