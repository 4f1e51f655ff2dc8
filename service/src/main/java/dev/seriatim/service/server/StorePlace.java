package dev.seriatim.service.server;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the server stores its objects: one of the two. */
final class StorePlace {
  private static final String MEMORY = "memory";

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Keep objects in this directory, in one SQLite file; 'memory' keeps nothing. Default:"
              + " ./seriatim-data")
  private String data = "seriatim-data";

  @Option(
      names = "--store",
      paramLabel = "JDBC-URL",
      description = "Keep objects in PostgreSQL: jdbc:postgresql://HOST:PORT/DATABASE?user=…")
  private @Nullable String store;

  /**
   * The place as given, with the default limits.
   *
   * @throws IllegalArgumentException if it can't be one
   */
  StorageOptions toOptions() {
    if (store != null) {
      return StorageOptions.postgres(store);
    }
    return data.equals(MEMORY) ? StorageOptions.memory() : StorageOptions.sqlite(Path.of(data));
  }

  /** Whether several hosts can share it. */
  boolean canBeShared() {
    return store != null;
  }

  /** Where objects are kept, as the program says it when it starts. */
  @Override
  public String toString() {
    return store == null && data.equals(MEMORY)
        ? "objects are kept in memory, and lost when the server ends"
        : "objects are kept in " + (store == null ? "" : "PostgreSQL: ") + where();
  }

  /** The same in a word, for the log; without a user and a password. */
  String where() {
    if (store != null) {
      return store.replaceFirst("[?].*", "").replaceFirst("//[^/]*@", "//");
    }
    return data.equals(MEMORY) ? MEMORY : Path.of(data).toAbsolutePath().normalize().toString();
  }
}
