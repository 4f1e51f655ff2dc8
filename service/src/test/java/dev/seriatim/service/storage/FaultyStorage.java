package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.sql.SQLException;

/** Opens stores that fail when a test wants it, for tests outside this package. */
public final class FaultyStorage {
  private FaultyStorage() {}

  /** What happens in the commit of a group; called by the committer's thread alone. */
  public interface Commits {
    /** Everything is written, but not committed. An exception makes the commit fail. */
    void afterWrites() throws SQLException;

    /** The group is durable, and nobody has been told. */
    void beforeNotify();
  }

  /** Opens the store. */
  public static StorageEngine open(StorageOptions options, Commits commits) {
    return StorageEngine.open(
        options,
        (step, connection) -> {
          switch (step) {
            case AFTER_WRITES -> commits.afterWrites();
            case BEFORE_NOTIFY -> commits.beforeNotify();
            default -> {}
          }
        });
  }
}
