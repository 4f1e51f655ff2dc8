package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The data directory: who may use it, what is in it, and what can be wrong with it. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SqliteFileTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");

  @TempDir Path directory;

  @Test
  void aSecondHostOfTheSameProcessIsRefused() {
    try (StorageEngine first = StorageEngine.open(StorageOptions.sqlite(directory))) {
      StorageException e =
          assertThrows(
              StorageException.class, () -> StorageEngine.open(atOnce(directory.resolve("."))));
      assertThat(e).hasMessageThat().contains(directory.getFileName().toString());
      assertThat(e).hasMessageThat().contains("in use by another host");
      new TestObject(first, "object").turn(s -> s.put("k", A));
    }
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
  }

  /** As many objects that come to a host at once would each ask where they are, and then again. */
  @Test
  void theFirstValueOfAnObjectIsReadByOneQuestion() {
    ReadCount reads = new ReadCount();
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory), reads)) {
      new TestObject(engine, "object").turn(s -> s.put(Map.of("a", A, "empty", ByteString.EMPTY)));
    }
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory), reads)) {
      assertThat(readsOf(engine, reads, "object", "a", Optional.of(A))).isEqualTo(1);
      assertThat(readsOf(engine, reads, "object", "empty", Optional.of(ByteString.EMPTY)))
          .isEqualTo(1);
      assertThat(readsOf(engine, reads, "object", "none", Optional.empty())).isEqualTo(1);
      assertThat(readsOf(engine, reads, "none", "a", Optional.empty())).isEqualTo(1);
    }
  }

  private static int readsOf(
      StorageEngine engine,
      ReadCount reads,
      String name,
      String key,
      Optional<ByteString> expected) {
    int before = reads.count.get();
    new TestObject(engine, name).turn(s -> assertThat(s.get(key)).isEqualTo(expected));
    return reads.count.get() - before;
  }

  private static final class ReadCount implements Faults {
    private final AtomicInteger count = new AtomicInteger();

    @Override
    public void read() {
      count.incrementAndGet();
    }

    @Override
    public void at(Step step, Connection connection) {}
  }

  @Test
  void aSecondProcessIsRefused() throws Exception {
    Process other = holder(directory);
    try (BufferedReader output = other.inputReader(UTF_8)) {
      assertThat(output.readLine()).isEqualTo("holding");
      StorageException e =
          assertThrows(StorageException.class, () -> StorageEngine.open(atOnce(directory)));
      assertThat(e).hasMessageThat().contains("in use by another host (process " + other.pid());
    } finally {
      other.destroyForcibly();
    }
    assertWithMessage("it ended").that(other.waitFor(30, TimeUnit.SECONDS)).isTrue();
    // Its lock has gone with it.
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
  }

  private static StorageOptions atOnce(Path data) {
    return StorageOptions.sqlite(data).withOwnershipWait(Duration.ZERO);
  }

  private static Process holder(Path data) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Holder.class.getName(),
            data.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** The other process: holds the directory until it is killed. */
  static final class Holder {
    private Holder() {}

    /** Takes the directory. */
    public static void main(String[] args) throws InterruptedException {
      try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(Path.of(args[0])))) {
        new TestObject(engine, "object").turn(s -> s.put("k", A));
        System.out.println("holding");
        Thread.sleep(TimeUnit.MINUTES.toMillis(2));
      }
    }
  }

  @Test
  void aNewerSchemaIsRefused() throws Exception {
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
    execute("UPDATE schema_version SET version = 7");
    StorageException e =
        assertThrows(
            StorageException.class, () -> StorageEngine.open(StorageOptions.sqlite(directory)));
    assertThat(e)
        .hasMessageThat()
        .contains("schema version 7, expected at most " + JdbcStore.SCHEMA_VERSION);
    // The directory isn't left locked.
    execute("UPDATE schema_version SET version = " + JdbcStore.SCHEMA_VERSION);
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
  }

  @Test
  void whatIsNoDatabaseIsRefused() throws Exception {
    Files.writeString(directory.resolve(SqliteStore.FILE), "not a database".repeat(100));
    StorageException e =
        assertThrows(
            StorageException.class, () -> StorageEngine.open(StorageOptions.sqlite(directory)));
    assertThat(e).hasMessageThat().contains(SqliteStore.FILE + " can't be opened");
  }

  @Test
  void aDirectoryThatCanNotBeMadeIsRefused() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    StorageException e =
        assertThrows(
            StorageException.class,
            () -> StorageEngine.open(StorageOptions.sqlite(file.resolve("data"))));
    assertThat(e).hasMessageThat().contains("can't be made");
  }

  @Test
  void raisesTheEpochOfEverySlot() throws Exception {
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
    try (Connection connection = connect();
        var select =
            connection.prepareStatement("SELECT count(*), min(epoch), max(epoch) FROM slots");
        var results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(List.of(results.getInt(1), results.getInt(2), results.getInt(3)))
          .containsExactly(1024, 2, 2)
          .inOrder();
    }
  }

  @Test
  void aHostWhoseFileWasTakenAwayFromItCanNotCommit() throws Exception {
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
      TestObject object = new TestObject(engine, "object");
      object.turn(s -> s.put("k", A));
      // As a host would do that got around the lock.
      execute("UPDATE slots SET epoch = epoch + 1", "DELETE FROM commit_groups");
      Throwable cause = object.awaitFailure(object.submit(s -> s.put("l", A)));
      assertThat(cause).hasMessageThat().contains("taken over by another host");
      StorageException e = assertThrows(StorageException.class, object::instance);
      assertThat(e).hasMessageThat().contains("not owned by this host");
    }
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
      assertThat(CommitContract.entries(new TestObject(engine, "object"))).containsExactly("k", A);
    }
  }

  enum Away {
    DELETED,
    MOVED,
    COPIED,
    FILE_DELETED,
    FILE_REPLACED
  }

  @ParameterizedTest
  @EnumSource
  void whatIsWrittenIntoADirectoryThatIsGoneIsLostAndSaidToBe(Away how) throws Exception {
    Path data = directory.resolve("data");
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data))) {
      TestObject object = new TestObject(engine, "object");
      TestObject idle = new TestObject(engine, "idle");
      object.turn(s -> s.put("k", A));
      idle.turn(s -> s.put("k", A));
      takeAway(data, how);
      Throwable cause = object.awaitFailure(object.submit(s -> s.put("l", A)));
      assertThat(cause).hasMessageThat().contains(data.resolve(SqliteStore.FILE).toString());
      assertThat(cause).hasMessageThat().contains("was deleted or replaced");
      // And so for all that comes later, and for every object, also for what only reads.
      for (TestObject each : List.of(object, idle)) {
        each.discard();
        StorageException e = assertThrows(StorageException.class, () -> get(each));
        assertThat(e).hasMessageThat().contains("was deleted or replaced");
      }
    }
  }

  private void takeAway(Path data, Away how) throws IOException {
    Path backup = directory.resolve("backup");
    switch (how) {
      case DELETED -> MoreFiles.deleteRecursively(data, RecursiveDeleteOption.ALLOW_INSECURE);
      case MOVED -> Files.move(data, backup);
      case COPIED -> {
        Files.move(data, backup);
        Files.createDirectory(data);
        try (Stream<Path> files = Files.list(backup)) {
          for (Path file : files.toList()) {
            Files.copy(file, data.resolve(file.getFileName()));
          }
        }
      }
      case FILE_DELETED -> Files.delete(data.resolve(SqliteStore.FILE));
      case FILE_REPLACED -> {
        Files.copy(data.resolve(SqliteStore.FILE), backup);
        Files.move(backup, data.resolve(SqliteStore.FILE), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  @Test
  void aHostWhoseDirectoryIsGoneStopsByItself() throws Exception {
    Path data = directory.resolve("data");
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data))) {
      TestObject object = new TestObject(engine, "object");
      object.turn(s -> s.put("k", A));
      takeAway(data, Away.DELETED);
      Process second = holder(data);
      try (BufferedReader output = second.inputReader(UTF_8)) {
        assertThat(output.readLine()).isEqualTo("holding");
        // Nobody writes, and still it notices.
        Wait.until(
            () -> {
              try {
                object.submit(s -> s.get("k"));
                return false;
              } catch (StorageException e) {
                return true;
              }
            },
            "the first host's end");
      } finally {
        second.destroyForcibly();
      }
    }
  }

  @Test
  void theLockFileMayBeRemovedAndKeepsASecondHostOutAllTheSame() throws Exception {
    Process other = holder(directory);
    try (BufferedReader output = other.inputReader(UTF_8)) {
      assertThat(output.readLine()).isEqualTo("holding");
      Files.delete(directory.resolve("seriatim.lock"));
      StorageException e =
          assertThrows(StorageException.class, () -> StorageEngine.open(atOnce(directory)));
      assertThat(e).hasMessageThat().contains("in use by another host");
    } finally {
      other.destroyForcibly();
    }
    assertWithMessage("it ended").that(other.waitFor(30, TimeUnit.SECONDS)).isTrue();
    StorageEngine.open(StorageOptions.sqlite(directory)).close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aFileThatIsRestoredInItsPlaceResetsEveryObject(boolean fromBeforeTheStart) throws Exception {
    Path backup = directory.resolve("backup.db");
    if (fromBeforeTheStart) {
      try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
        new TestObject(engine, "idle").turn(s -> s.put("k", A));
      }
      execute("VACUUM INTO '" + backup + "'");
    }
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
      TestObject object = new TestObject(engine, "object");
      TestObject idle = new TestObject(engine, "idle");
      idle.turn(s -> s.put("k", A));
      if (!fromBeforeTheStart) {
        execute("VACUUM INTO '" + backup + "'");
      }
      object.turn(s -> s.put("k", A));
      TurnStorage instance = idle.instance();
      // As the shell's .restore does.
      execute("restore from " + backup);
      Throwable cause = object.awaitFailure(object.submit(s -> s.put("l", A)));
      assertThat(cause).hasMessageThat().contains("went back in time");
      assertThrows(StorageException.class, instance::beginTurn);
      idle.discard();
      object.turn(s -> s.put("m", A));
      assertThat(CommitContract.entries(object)).containsExactly("m", A);
      assertThat(get(idle)).isEqualTo(Optional.of(A));
    }
  }

  private static Optional<ByteString> get(TestObject object) {
    return object.query(s -> s.get("k"));
  }

  @Test
  void aFullDiskFailsTheCommitAndNoMore() {
    FaultScript faults = new FaultScript();
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory), faults)) {
      TestObject object = new TestObject(engine, "object");
      object.turn(s -> s.put("k", A));
      faults.once(
          Faults.Step.BEFORE_BEGIN,
          (step, connection) -> JdbcStore.execute(connection, "PRAGMA max_page_count = 1"));
      ByteString large = ByteString.copyFrom(new byte[1_000_000]);
      Throwable cause = object.awaitFailure(object.submit(s -> s.put("large", large)));
      assertThat(cause).hasMessageThat().contains("full");
      assertThat(CommitContract.entries(object)).containsExactly("k", A);
      object.turn(s -> s.put("large", large));
      assertThat(CommitContract.entries(object)).hasSize(2);
    }
  }

  @Test
  void theLogStaysShortUnderReadsAndWrites() throws Exception {
    StorageOptions options =
        StorageOptions.sqlite(directory).withMaxWalBytes(4 << 20).withCacheBytesPerObject(0);
    try (StorageEngine engine = StorageEngine.open(options)) {
      TestObject writer = new TestObject(engine, "writer");
      AtomicBoolean done = new AtomicBoolean();
      List<Thread> readers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        TestObject reader = new TestObject(engine, "reader " + i);
        reader.turn(s -> s.put("k", megabyte(0)));
        readers.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      while (!done.get()) {
                        reader.submit(s -> s.get("k"));
                      }
                    }));
      }
      try {
        for (int i = 0; i < 60; i++) {
          ByteString value = megabyte(i);
          writer.turn(s -> s.put("k", value));
          assertThat(logBytes()).isLessThan(12 << 20);
        }
      } finally {
        done.set(true);
        for (Thread reader : readers) {
          reader.join();
        }
      }
    }
  }

  @Test
  void theLogIsCutWhenWhoeverReadsBesideTheHostHasGone() throws Exception {
    StorageOptions options = StorageOptions.sqlite(directory).withMaxWalBytes(4 << 20);
    try (StorageEngine engine = StorageEngine.open(options)) {
      TestObject object = new TestObject(engine, "object");
      object.turn(s -> s.put("k", megabyte(0)));
      try (Connection reader = connect()) {
        reader.setAutoCommit(false);
        try (var select = reader.prepareStatement("SELECT count(*) FROM entries");
            var results = select.executeQuery()) {
          assertThat(results.next()).isTrue();
          for (int i = 1; i < 20; i++) {
            ByteString value = megabyte(i);
            object.turn(s -> s.put("k", value));
          }
          assertThat(logBytes()).isGreaterThan(12 << 20);
        }
      }
      // Not at once, for there is no timer; but with the next few commits.
      for (int i = 20; i < 28; i++) {
        ByteString value = megabyte(i);
        object.turn(s -> s.put("k", value));
      }
      assertThat(logBytes()).isAtMost(5 << 20);
    }
  }

  /** Always other ones: SQLite writes no page that is the same as before. */
  private static ByteString megabyte(int of) {
    byte[] bytes = new byte[1 << 20];
    Arrays.fill(bytes, (byte) of);
    return ByteString.copyFrom(bytes);
  }

  private long logBytes() throws IOException {
    return Files.size(directory.resolve(SqliteStore.FILE + "-wal"));
  }

  @Test
  void theDatabaseIsOneWithoutTheFaultOfResettingItsLog() throws Exception {
    try (Connection connection = connect();
        var select = connection.prepareStatement("SELECT sqlite_version()");
        var results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(Runtime.Version.parse(results.getString(1)))
          .isAtLeast(Runtime.Version.parse("3.51.3"));
    }
  }

  @Test
  void theFileIsReadableWithTheSqliteShell() throws Exception {
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
      TestObject object = new TestObject(engine, "COUNTER", "foo");
      object.turn(
          s -> {
            s.put("greeting", ByteString.copyFromUtf8("hello"));
            s.setAlarm(Instant.parse("2030-01-02T03:04:05Z"));
          });
      assertThat(
              shell("SELECT namespace, name, id, key, cast(value AS text) FROM readable_entries"))
          .isEqualTo("COUNTER|foo|" + object.id() + "|greeting|hello");
      assertThat(shell("SELECT namespace, name, id, entries, alarm FROM readable_objects"))
          .isEqualTo("COUNTER|foo|" + object.id() + "|1|2030-01-02 03:04:05");
      assertThat(shell("PRAGMA integrity_check")).isEqualTo("ok");
      assertThat(shell("PRAGMA journal_mode")).isEqualTo("wal");
    }
  }

  private String shell(String sql) throws IOException, InterruptedException {
    Process process;
    try {
      process =
          new ProcessBuilder(
                  "sqlite3", "-readonly", directory.resolve(SqliteStore.FILE).toString(), sql)
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      Assumptions.abort("sqlite3 is not installed: " + e.getMessage());
      throw e;
    }
    try (BufferedReader output = process.inputReader(UTF_8)) {
      String text = String.join("\n", output.lines().toList());
      assertWithMessage("sqlite3 ended").that(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      return text;
    }
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  private void execute(String... statements) throws SQLException {
    try (Connection connection = connect()) {
      JdbcStore.execute(connection, statements);
    }
  }
}
