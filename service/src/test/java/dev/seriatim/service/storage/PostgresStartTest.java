package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A host that opens, or joins, while an answer of PostgreSQL to its lease gets lost. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresStartTest {
  private static final String RENEWAL = "UPDATE hosts SET beat";
  private static final String JOINING = "INSERT INTO hosts";
  private static final String CLAIM = "UPDATE slots SET epoch";

  private final TcpProxy proxy = new TcpProxy(PostgresServer.shared());
  private final String direct = PostgresServer.shared().newSchema();
  private final StorageOptions options =
      StorageOptions.postgres(proxy.url(direct))
          .withLease(Duration.ofSeconds(4), Duration.ofMillis(200));
  private final List<StorageEngine> engines = new ArrayList<>();

  @AfterEach
  void close() {
    proxy.speak();
    engines.forEach(StorageEngine::close);
    proxy.close();
  }

  private StorageEngine opened(StorageOptions with) {
    StorageEngine made = StorageEngine.open(with);
    engines.add(made);
    return made;
  }

  /** What gets lost while a host opens. */
  enum Lost {
    RENEWED(RENEWAL, /* commit= */ false),
    JOINED(JOINING, /* commit= */ false),
    CLAIMED(CLAIM, /* commit= */ false),
    COMMIT_OF_JOINING(JOINING, /* commit= */ true),
    COMMIT_OF_CLAIM(CLAIM, /* commit= */ true);

    private final String sent;
    private final boolean commit;

    Lost(String sent, boolean commit) {
      this.sent = sent;
      this.commit = commit;
    }

    void at(TcpProxy proxy) {
      if (commit) {
        proxy.loseAnswerToCommitOf(sent);
      } else {
        proxy.loseAnswerTo(sent);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void anAnswerThatGetsLostWhileAHostOpensIsAskedForAgain(Lost lost) {
    lost.at(proxy);
    StorageEngine engine = opened(options);
    assertThat(proxy.lossesLeft()).isEqualTo(0);
    TestObject object = new TestObject(engine, "object");
    object.turn(s -> s.put("k", ByteString.copyFromUtf8("a")));
  }

  @Test
  void aHostAsksNobodyWhetherTablesOfItsVersionAreToBeUpgraded() {
    opened(options).close();
    engines.clear();
    proxy.loseAnswerTo(RENEWAL); // By then it has seen the tables.
    proxy.loseAnswerTo("pg_advisory_xact_lock");
    assertThat(opened(options).isServing()).isTrue();
    assertThat(proxy.lossesLeft()).isEqualTo(1);
  }

  @Test
  void aHostThatHearsNothingWhenItTriesAgainDoesNotOpen() {
    for (int i = 0; i <= HostLease.TRIES_TO_START; i++) {
      proxy.loseAnswerTo(RENEWAL);
    }
    StorageException e = assertThrows(StorageException.class, () -> opened(options));
    assertThat(e).hasMessageThat().contains("can't be opened");
    assertThat(e).hasMessageThat().contains("I/O error");
    assertThat(proxy.lossesLeft()).isEqualTo(1);
  }

  @Test
  void aHostThatWasNotToldThatItHasJoinedLeavesAllTheSame() {
    proxy.loseAnswerToCommitOf(JOINING);
    opened(options).close();
    engines.clear();
    assertThat(hosts("")).isEqualTo(0);
  }

  @Test
  void aHostThatDoesNotOpenLeavesNothingBehind() {
    proxy.loseAnswerToCommitOf(JOINING);
    for (int i = 1; i < HostLease.TRIES_TO_START; i++) {
      proxy.loseAnswerTo(RENEWAL); // Nor is it told that it has joined when it tries again.
    }
    assertThrows(StorageException.class, () -> opened(options));
    assertThat(hosts("")).isEqualTo(0);
  }

  @Test
  void aHostThatWasBuriedAndNotToldThatItHasJoinedAgainSaysWhatItIs() throws SQLException {
    StorageEngine engine = opened(options.withSharedSlots());
    Slots.Announcement says =
        new Slots.Announcement(
            "address:1", "cluster:1", "1", List.of(), /* leaving= */ false, ByteString.EMPTY);
    engine.slots().announce(says);
    proxy.loseAnswerToCommitOf(JOINING);
    execute("DELETE FROM hosts WHERE host = '" + engine.slots().host() + "'");
    Wait.until(
        () -> hosts("WHERE cluster_address = 'cluster:1'") == 1,
        "what the host says of itself, in its new row");
    assertThat(proxy.lossesLeft()).isEqualTo(0);
  }

  /** How many hosts have a row, of those that this says. */
  private int hosts(String which) {
    try (Connection connection = DriverManager.getConnection(direct);
        PreparedStatement select =
            connection.prepareStatement("SELECT count(*) FROM hosts " + which);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getInt(1);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection(direct)) {
      JdbcStore.execute(connection, sql);
    }
  }
}
