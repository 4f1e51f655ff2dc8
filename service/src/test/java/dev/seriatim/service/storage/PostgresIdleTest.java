package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What hosts that have nothing to do ask of PostgreSQL. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresIdleTest {
  private static final int BEATS = 20;

  /** The beat, and what others and the slots are. */
  private static final int STATEMENTS = 3;

  @Test
  void hostsThatShareMakeThreeStatementsForEachBeatAndNoMore() throws Exception {
    try (PostgresServer server = PostgresServer.start()) {
      execute(
          server,
          "ALTER SYSTEM SET log_line_prefix = 'app=%a '",
          "ALTER SYSTEM SET log_statement = 'all'");
      StorageOptions options =
          StorageOptions.postgres(server.url())
              .withLease(Duration.ofSeconds(60), Duration.ofMillis(200))
              .withSharedSlots();
      try (StorageEngine first = StorageEngine.open(options);
          StorageEngine second = StorageEngine.open(options)) {
        for (StorageEngine each : List.of(first, second)) {
          each.startAlarms(Set.of("TEST"), (namespace, id, name, due) -> {});
          each.slots()
              .announce(
                  new Slots.Announcement(
                      "a", "b", "c", List.of(), false, ClusterTable.NOTHING.token()));
        }
        claim(first, 0, 500);
        claim(second, 500, Slots.COUNT);
        awaitBeats(server, 2 * BEATS);
        execute(server, "SELECT pg_reload_conf()");
        Wait.until(() -> statements(server) > 0, "the log of statements");
        // Beats are counted around the statements: none that is counted is of a beat that isn't,
        // but for those that each host was at.
        long beats = beats(server);
        long before = statements(server);
        awaitBeats(server, 2 * BEATS);
        long made = statements(server) - before;
        beats = beats(server) - beats;
        assertThat(made).isGreaterThan(BEATS);
        assertWithMessage("statements of %s beats", beats)
            .that(made)
            .isAtMost(STATEMENTS * (beats + 2));
      }
    }
  }

  private static void claim(StorageEngine engine, int from, int to) {
    Set<Integer> slots = Set.copyOf(IntStream.range(from, to).boxed().toList());
    Wait.until(() -> engine.slots().claim(slots).equals(slots), "the claim");
  }

  private static void awaitBeats(PostgresServer server, int beats) {
    long until = beats(server) + beats;
    Wait.until(() -> beats(server) >= until, beats + " beats");
  }

  private static long beats(PostgresServer server) {
    return number(server, "SELECT sum(beat) FROM seriatim.hosts");
  }

  /** How many statements hosts have made, as the server's log says. */
  private static long statements(PostgresServer server) {
    return number(
        server,
        "SELECT count(*) FROM regexp_split_to_table(pg_read_file("
            + "regexp_replace(current_setting('data_directory'), 'data$', 'log')), '\\n') AS line"
            + " WHERE line ~ '^app=seriatim.* (statement|execute [^:]*):'");
  }

  private static long number(PostgresServer server, String sql) {
    try (Connection connection = DriverManager.getConnection(server.url());
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private static void execute(PostgresServer server, String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(server.url())) {
      for (String each : statements) {
        JdbcStore.execute(connection, each);
      }
    }
  }
}
