package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.base.Throwables;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;

/** The commit path to PostgreSQL. */
final class PostgresCommitTest extends CommitContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection(url);
  }

  @Test
  void aFailureDoesNotSayWhatWasToBeWritten() throws SQLException {
    try (Connection connection = connect()) {
      JdbcStore.execute(connection, "ALTER TABLE entries ADD CHECK (length(value) < 3)");
    }
    long commit =
        object.submit(
            s -> {
              s.put("key", ByteString.copyFromUtf8("secret"));
              s.put("other key", ByteString.copyFromUtf8("secret"));
            });
    Throwable cause = object.awaitFailure(commit);
    String hex = "736563726574";
    assertThat(Throwables.getStackTraceAsString(cause)).contains("check constraint");
    assertThat(Throwables.getStackTraceAsString(cause)).doesNotContain(hex);
  }
}
