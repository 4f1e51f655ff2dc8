package dev.seriatim.server.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.service.StorageOptions;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.file.Files;
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
      description =
          "Keep objects in PostgreSQL: jdbc:postgresql://HOST:PORT/DATABASE?user=… Its password is"
              + " looked for in --store-password-file, and in PGPASSFILE.")
  private @Nullable String store;

  @Option(
      names = "--test",
      description =
          "Be there for tests, on loopback only: serve seriatim.admin.v1.Testing and Admin, too,"
              + " let time stand still until a test moves it, and keep objects in a directory that"
              + " goes with the server.")
  private boolean test;

  /** Whether the server is there for tests, which have a place of their own. */
  boolean isForTests() {
    return test;
  }

  /**
   * The place as given, with the default limits.
   *
   * @param password the file that has the store's password; null if it is in the URL, or nowhere
   * @throws IllegalArgumentException if it can't be one
   */
  StorageOptions toOptions(@Nullable Path password) {
    if (store != null) {
      return StorageOptions.postgres(password == null ? store : withPassword(store, password));
    }
    if (password != null) {
      throw new IllegalArgumentException("--store-password-file without --store");
    }
    return data.equals(MEMORY) ? StorageOptions.memory() : StorageOptions.sqlite(Path.of(data));
  }

  private static String withPassword(String store, Path file) {
    if (store.matches(".*[?&]password=.*")) {
      throw new IllegalArgumentException(
          "--store-password-file beside a password in --store, expected one of both");
    }
    String password;
    try {
      password = Files.readString(file).stripTrailing();
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--store-password-file '%s', expected a file that can be read".formatted(file), e);
    }
    if (password.isEmpty()) {
      throw new IllegalArgumentException(
          "--store-password-file '%s' is empty, expected a password".formatted(file));
    }
    return store
        + (store.contains("?") ? "&" : "?")
        + "password="
        + URLEncoder.encode(password, UTF_8);
  }

  /** Whether several hosts can share it. */
  boolean canBeShared() {
    return store != null;
  }

  /** Where objects are kept, as the program says it when it starts. */
  @Override
  public String toString() {
    if (test) {
      return "objects are kept for tests, and lost when the server ends";
    }
    return store == null && data.equals(MEMORY)
        ? "objects are kept in memory, and lost when the server ends"
        : "objects are kept in " + (store == null ? "" : "PostgreSQL: ") + where();
  }

  /** The same in a word, for the log; without a user and a password. */
  String where() {
    if (test) {
      return "test";
    }
    if (store != null) {
      return store.replaceFirst("[?].*", "").replaceFirst("//[^/]*@", "//");
    }
    return data.equals(MEMORY) ? MEMORY : Path.of(data).toAbsolutePath().normalize().toString();
  }
}
