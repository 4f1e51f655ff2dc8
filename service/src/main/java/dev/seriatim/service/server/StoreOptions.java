package dev.seriatim.service.server;

import dev.seriatim.service.DurableObjectHost;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the server keeps its objects; one of the two. */
final class StoreOptions {
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
   * Sets the host's store.
   *
   * @throws IllegalArgumentException if it can't be one
   */
  void applyTo(DurableObjectHost.Builder host) {
    if (store != null) {
      host.store(store);
    } else if (data.equals(MEMORY)) {
      host.dataInMemory();
    } else {
      host.data(Path.of(data));
    }
  }
}
