package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Copies of a SQLite file that is in use, and what becomes of them. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class BackupTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07Z");
  private static final int OBJECTS = 4;
  private static final int TURNS = 20;

  @TempDir Path scratch;

  private Path data() {
    return scratch.resolve("data");
  }

  /**
   * Each object writes a journal, and how long it is, in one turn; the first one writes its own
   * behind that of the others. So a copy from between two turns shows.
   */
  @Test
  void aCopyUnderLoadIsAStateBetweenTwoTurns() throws Exception {
    Path kept = scratch.resolve("backup.db");
    AtomicBoolean stop = new AtomicBoolean();
    CountDownLatch begun = new CountDownLatch(OBJECTS);
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data()))) {
      List<FutureTask<Integer>> writers = new ArrayList<>();
      for (int i = 0; i < OBJECTS; i++) {
        TestObject object = new TestObject(engine, "object " + i);
        FutureTask<Integer> writer =
            new FutureTask<>(
                () -> {
                  int turn = 0;
                  while (!stop.get()) {
                    write(object, ++turn);
                    if (turn == TURNS) {
                      begun.countDown();
                    }
                  }
                  return turn;
                });
        writers.add(writer);
        Thread.ofPlatform().start(writer);
      }
      assertWithMessage("writers at work within 60 s")
          .that(begun.await(60, TimeUnit.SECONDS))
          .isTrue();
      try (StoreCopy copy = engine.copy()) {
        Files.copy(copy.file(), kept);
        stop.set(true);
        for (FutureTask<Integer> writer : writers) {
          assertThat(writer.get(60, TimeUnit.SECONDS)).isAtLeast(TURNS);
        }
      } finally {
        stop.set(true);
      }
      assertThat(leftovers(data())).isEmpty();
      for (int i = 0; i < OBJECTS; i++) {
        write(new TestObject(engine, "later " + i), 1);
      }
    }
    StoreRestore.Restored restored = StoreRestore.restore(kept, data(), () -> NOW);
    assertThat(restored.objects()).isEqualTo(OBJECTS);
    assertThat(restored.database()).isEqualTo(data().resolve("seriatim.db"));
    Path before = data().resolve("seriatim.db.before-20260304-050607");
    assertThat(restored.before()).isEqualTo(Optional.of(before));
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + before)) {
      assertThat(SqliteSchema.single(connection, "SELECT count(*) FROM objects"))
          .isEqualTo(2 * OBJECTS);
    }
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data()))) {
      for (int i = 0; i < OBJECTS; i++) {
        TestObject object = new TestObject(engine, "object " + i);
        int turns = Integer.parseInt(text(object.query(s -> s.get("turns"))));
        assertThat(turns).isAtLeast(TURNS);
        Map<String, ByteString> journal =
            object.query(s -> s.list(ListOptions.all().prefix("journal/")));
        assertThat(journal).hasSize(turns);
        write(object, turns + 1); // It goes on from there.
      }
      Optional<ByteString> later = new TestObject(engine, "later 0").query(s -> s.get("turns"));
      assertThat(later).isEqualTo(Optional.empty());
    }
  }

  private static void write(TestObject object, int turn) {
    object.turn(
        s -> {
          s.put("journal/" + turn, ByteString.copyFromUtf8("x".repeat(100)));
          s.put("turns", ByteString.copyFromUtf8(Integer.toString(turn)));
        });
  }

  private static String text(Optional<ByteString> value) {
    return value.orElseThrow().toStringUtf8();
  }

  private static List<Path> leftovers(Path directory) throws Exception {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".tmp")).toList();
    }
  }

  @Test
  void aFullDiskIsLeftAlone() throws Exception {
    Path database = scratch.resolve("seriatim.db");
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database)) {
      JdbcStore.execute(connection, "CREATE TABLE t (c)");
    }
    long bytes = Files.size(database);
    SqliteLooks looks =
        new SqliteLooks(
            () -> DriverManager.getConnection("jdbc:sqlite::memory:"), Duration.ofSeconds(5));
    SqliteBackup full =
        new SqliteBackup(
            database,
            () -> DriverManager.getConnection("jdbc:sqlite:" + database),
            looks,
            directory -> 2 * bytes - 1);
    StoreCopy.NoRoomException e =
        assertThrows(StoreCopy.NoRoomException.class, () -> full.make().close());
    assertThat(e)
        .hasMessageThat()
        .contains("has %,d bytes free, expected at least %,d".formatted(2 * bytes - 1, 2 * bytes));
    SqliteBackup enough =
        new SqliteBackup(
            database,
            () -> DriverManager.getConnection("jdbc:sqlite:" + database),
            looks,
            directory -> 2 * bytes);
    try (StoreCopy copy = enough.make()) {
      assertThat(Files.exists(copy.file())).isTrue();
      StorageException second = assertThrows(StorageException.class, () -> enough.make().close());
      assertThat(second).hasMessageThat().contains("expected one at a time");
    }
    enough.make().close();
    assertThat(leftovers(scratch)).isEmpty();
  }

  @Test
  void whatAKilledHostWasCopyingGoes() throws Exception {
    StorageEngine.open(StorageOptions.sqlite(data())).close();
    Files.writeString(data().resolve("seriatim-backup-1.tmp"), "half of it");
    StorageEngine.open(StorageOptions.sqlite(data())).close();
    assertThat(leftovers(data())).isEmpty();
  }

  @Test
  void otherStoresDontCopyThemselves() {
    try (StorageEngine engine = StorageEngine.open(StorageOptions.memory())) {
      assertThrows(IllegalStateException.class, () -> engine.copy().close());
    }
  }

  @Test
  void aDirectoryThatIsInUseIsNotRestored() throws Exception {
    Path backup = backup();
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data()))) {
      StorageException e = restoreFails(backup);
      assertThat(e).hasMessageThat().contains("is in use by another host");
      assertThat(new TestObject(engine, "object").query(s -> s.get("k")).isPresent()).isTrue();
    }
  }

  @Test
  void whatIsNoBackupIsNotRestored() throws Exception {
    Path backup = backup();
    Path text = Files.writeString(scratch.resolve("text"), "no database at all");
    assertThat(restoreFails(text)).hasMessageThat().contains("is not a sound database");
    assertThat(restoreFails(scratch.resolve("nothing"))).hasMessageThat().contains("is not a file");
    assertThat(restoreFails(data().resolve("seriatim.db")))
        .hasMessageThat()
        .contains("is the database itself");
    byte[] damaged = Files.readAllBytes(backup);
    for (int i = 4096 + 512; i < damaged.length; i += 97) {
      damaged[i] ^= 0x55;
    }
    assertThat(restoreFails(Files.write(scratch.resolve("damaged"), damaged)))
        .hasMessageThat()
        .contains("is not a sound database");
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + backup)) {
      JdbcStore.execute(connection, "UPDATE schema_version SET version = 99");
    }
    assertThat(restoreFails(backup))
        .hasMessageThat()
        .contains("schema version 99, expected at most " + JdbcStore.SCHEMA_VERSION);
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data()))) {
      assertThat(new TestObject(engine, "object").query(s -> s.get("k")).isPresent()).isTrue();
    }
    try (Stream<Path> files = Files.list(data())) {
      assertThat(files.map(file -> file.getFileName().toString()).toList())
          .containsNoneOf("seriatim.db.coming", "seriatim.db.before-20260304-050607");
    }
  }

  @Test
  void aDirectoryThatIsNotThereIsMade() throws Exception {
    Path backup = backup();
    Path other = scratch.resolve("other").resolve("data");
    StoreRestore.Restored restored = StoreRestore.restore(backup, other, () -> NOW);
    assertThat(restored.before()).isEqualTo(Optional.empty());
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(other))) {
      assertThat(new TestObject(engine, "object").query(s -> s.get("k")).isPresent()).isTrue();
    }
    // What was put aside can be put back.
    StoreRestore.Restored again = StoreRestore.restore(backup, other, () -> NOW);
    assertThat(StoreRestore.restore(again.before().orElseThrow(), other, () -> NOW).objects())
        .isEqualTo(1);
  }

  private StorageException restoreFails(Path backup) {
    return assertThrows(
        StorageException.class, () -> StoreRestore.restore(backup, data(), () -> NOW));
  }

  /** Of the data directory, which is there then. */
  private Path backup() throws Exception {
    Path kept = scratch.resolve("backup.db");
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data()))) {
      new TestObject(engine, "object").turn(s -> s.put("k", ByteString.copyFromUtf8("v")));
      try (StoreCopy copy = engine.copy()) {
        Files.copy(copy.file(), kept);
      }
    }
    return kept;
  }
}
