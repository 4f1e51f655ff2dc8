package dev.seriatim.service.storage;

import org.sqlite.SQLiteJDBCLoader;

/** SQLite's native library, which the driver unpacks and loads once for each process. */
final class SqliteLibrary {
  private SqliteLibrary() {}

  /**
   * Begins to load it, in a thread of its own, and returns at once: that takes a fifth of what a
   * host needs to start. Whoever opens a file meanwhile waits for that thread.
   */
  static void loadAhead() {
    Thread.ofPlatform().daemon().name("seriatim-sqlite-library").start(SqliteLibrary::load);
  }

  private static void load() {
    try {
      SQLiteJDBCLoader.initialize();
    } catch (Exception | LinkageError e) {
      // Whoever opens a file tries again, and is told.
    }
  }
}
