package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commit path to a SQLite file. */
final class SqliteCommitTest extends CommitContract {
  private static final ByteString A = ByteString.copyFromUtf8("a");

  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  @Test
  void aLockOfAnotherProcessIsWaitedForNoLongerThanThePatience() throws SQLException {
    engine.close();
    open(options().withStorePatience(Duration.ofMillis(1_200)));
    AtomicLong waits = new AtomicLong();
    faults.once(
        Faults.Step.AFTER_WRITES,
        (step, connection) -> waits.set(SqliteSchema.single(connection, "PRAGMA busy_timeout")));
    object.turn(s -> s.put("k", A));
    assertThat(waits.get()).isEqualTo(1_200);
    try (Connection other = connect()) {
      JdbcStore.execute(other, "BEGIN IMMEDIATE");
      long commit = object.submit(s -> s.put("l", A));
      assertThat(object.awaitFailure(commit)).hasMessageThat().contains("the commit failed");
      JdbcStore.execute(other, "ROLLBACK");
    }
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("m", A)));
    assertThat(entries(object)).containsExactly("k", A, "m", A);
  }
}
