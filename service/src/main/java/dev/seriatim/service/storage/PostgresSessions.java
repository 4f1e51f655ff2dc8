package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.net.URLDecoder;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Connects one host to PostgreSQL. Each session's name says whose it is and what for, so that
 * others can end it; and each session gives up a server that says nothing any more.
 */
final class PostgresSessions {
  /** What a session is for. */
  enum Purpose {
    /** Commits. In the middle of a transaction it holds locks. */
    COMMITTER,
    /** Takes slots and holds the lease on them. */
    LEASE,
    /** Holds a lock as long as this host does what only one may do. */
    ALONE,
    /** Makes the tables. */
    TABLES,
    /** Makes old tables new ones, which may take long. */
    UPGRADE
  }

  /**
   * How long the lease's session waits for a lock that somebody else holds; but half of what it
   * waits for any answer at most, or the connection would be given up.
   */
  private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(1);

  private static final Duration TABLES_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration LOOK_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration LEAST_TIMEOUT = Duration.ofSeconds(1);
  private static final Duration LONGEST_CONNECT = Duration.ofSeconds(5);

  /** What the driver would send when it connects. Pools such as pgbouncer refuse that. */
  private static final Pattern SCHEMA_OF_URL = Pattern.compile("([?&])currentSchema=([^&]*)&?");

  private final String url;
  private final String searchPath;
  private final String host;
  private final Duration patience;
  private final Duration lease;

  PostgresSessions(StorageOptions options, StorageOptions.Postgres location, String host) {
    Matcher schema = SCHEMA_OF_URL.matcher(location.url());
    this.searchPath = schema.find() ? URLDecoder.decode(schema.group(2), UTF_8) : "seriatim";
    this.url = schema.replaceFirst("$1");
    this.host = host;
    this.patience = Outage.tryTime(options.storePatience());
    this.lease = options.lease();
  }

  /** A new session, which finds out soon whether the server is there. Not in auto-commit mode. */
  Connection open(Purpose purpose) throws SQLException {
    Duration timeout =
        switch (purpose) {
          case COMMITTER -> patience;
          // Sooner: while it hears nothing, the lease runs out.
          case LEASE, ALONE -> longer(lease.dividedBy(4), LEAST_TIMEOUT);
          case TABLES -> TABLES_TIMEOUT;
          case UPGRADE -> Duration.ZERO;
        };
    Properties properties = properties(name(purpose, host), timeout);
    return prepare(DriverManager.getConnection(url, properties), purpose, timeout);
  }

  /**
   * The same for commits, in a limited time.
   *
   * @param until when it is ended if it is in use, on {@link System#nanoTime}. It is in use now
   */
  Connection openCommitter(long until, SilenceWatch watch) throws SQLException {
    Properties properties = properties(name(Purpose.COMMITTER, host), patience);
    long left = Math.max(1, (until - System.nanoTime()) / 1_000_000);
    properties.setProperty("loginTimeout", Double.toString(left / 1_000.0));
    Connection connection = DriverManager.getConnection(url, properties);
    watch.begin(connection, until);
    boolean opened = false;
    try {
      Connection prepared = prepare(connection, Purpose.COMMITTER, patience);
      opened = true;
      return prepared;
    } finally {
      if (!opened) {
        watch.end();
      }
    }
  }

  private Connection prepare(Connection connection, Purpose purpose, Duration timeout)
      throws SQLException {
    boolean opened = false;
    try {
      JdbcStore.execute(
          connection,
          setSearchPath(),
          // A host that is stopped in the middle of a transaction holds locks.
          "SET idle_in_transaction_session_timeout = " + lease.toMillis(),
          "SET lock_timeout = "
              + (purpose == Purpose.LEASE
                  ? shorter(timeout.dividedBy(2), LOCK_TIMEOUT).toMillis()
                  : 0));
      connection.setAutoCommit(false);
      if (!timeout.isZero()) {
        connection.setNetworkTimeout(Runnable::run, (int) timeout.toMillis());
      }
      opened = true;
      return connection;
    } finally {
      if (!opened) {
        JdbcStore.closeQuietly(connection);
      }
    }
  }

  private String setSearchPath() {
    return "SELECT set_config('search_path', '" + searchPath.replace("'", "''") + "', false)";
  }

  /**
   * Refuses a pool that gives one session to several connections in turn, between transactions: it
   * would take away what was set here, and end the wrong sessions.
   */
  void requireOwnSessions() throws SQLException {
    Properties properties = properties(name(Purpose.TABLES, host), TABLES_TIMEOUT);
    // Nothing that the session would have to remember.
    properties.setProperty("preferQueryMode", "simple");
    try (Connection first = DriverManager.getConnection(url, properties);
        Connection second = DriverManager.getConnection(url, properties)) {
      String session = "SELECT pg_backend_pid()";
      String ofFirst = PostgresStore.single(first, session);
      String ofSecond = PostgresStore.single(second, session);
      if (ofFirst.equals(ofSecond)) {
        throw new StorageException(
            "two connections have the same session of the server, expected one each: is there a"
                + " pool on the way, such as pgbouncer, that gives a session away between"
                + " transactions (pool_mode transaction or statement)? Connect directly, or in"
                + " pool_mode session");
      }
    }
  }

  /**
   * Sessions for reads.
   *
   * @param atOnce how many are opened before anybody needs them; the others are when they are
   *     needed
   */
  HikariDataSource pool(int size, int atOnce) {
    HikariConfig config = new HikariConfig();
    config.setPoolName("seriatim-reads");
    config.setJdbcUrl(url);
    properties("seriatim", patience)
        .forEach((name, value) -> config.addDataSourceProperty((String) name, value));
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(atOnce);
    // Together no longer than the patience, if a connection turns out to be dead at the last
    // moment.
    Duration validation = shorter(patience.dividedBy(4), LEAST_TIMEOUT);
    config.setConnectionTimeout(patience.minus(validation).toMillis());
    config.setValidationTimeout(validation.toMillis());
    config.setInitializationFailTimeout(-1);
    config.setConnectionInitSql(setSearchPath());
    // If the pool has to ask for it and the server goes away just then, it never works again.
    config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
    return new HikariDataSource(config);
  }

  /** Sessions for whoever looks at what is stored; none is open while nobody does. */
  HikariDataSource lookPool(int size) {
    HikariConfig config = new HikariConfig();
    config.setPoolName("seriatim-looks");
    config.setJdbcUrl(url);
    properties("seriatim-admin", LOOK_TIMEOUT)
        .forEach((name, value) -> config.addDataSourceProperty((String) name, value));
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(0);
    config.setConnectionTimeout(LONGEST_CONNECT.toMillis());
    config.setInitializationFailTimeout(-1);
    config.setConnectionInitSql(setSearchPath());
    config.setTransactionIsolation("TRANSACTION_REPEATABLE_READ"); // One moment for all it reads.
    config.setReadOnly(true);
    return new HikariDataSource(config);
  }

  /** Ends this host's other sessions for commits; what they were doing is undone, or done. */
  void endCommitters(Connection connection) throws SQLException {
    end(connection, List.of(name(Purpose.COMMITTER, host)));
  }

  /** Ends another host's sessions, which may hold locks though it is dead or hangs. */
  void endAll(Connection connection, String otherHost) throws SQLException {
    end(
        connection,
        List.of(
            name(Purpose.COMMITTER, otherHost),
            name(Purpose.LEASE, otherHost),
            name(Purpose.ALONE, otherHost)));
  }

  private static void end(Connection connection, List<String> names) throws SQLException {
    try (PreparedStatement stop =
        connection.prepareStatement(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                + " WHERE application_name = ? AND pid <> pg_backend_pid()")) {
      for (String name : names) {
        stop.setString(1, name);
        stop.executeQuery().close();
      }
    }
  }

  private static String name(Purpose purpose, String host) {
    return switch (purpose) {
      case COMMITTER -> "seriatim-committer-" + host;
      case LEASE -> "seriatim-lease-" + host;
      case ALONE -> "seriatim-alone-" + host;
      case TABLES, UPGRADE -> "seriatim-tables-" + host;
    };
  }

  /** What holds unless the URL says something else. */
  private static Properties properties(String name, Duration timeout) {
    Properties properties = new Properties();
    properties.setProperty("ApplicationName", name);
    properties.setProperty("connectTimeout", seconds(shorter(timeout, LONGEST_CONNECT)));
    properties.setProperty("socketTimeout", seconds(timeout));
    properties.setProperty("tcpKeepAlive", "true");
    // What a failure says is told to clients and logged, and what was written is nobody's business.
    properties.setProperty("logServerErrorDetail", "false");
    return properties;
  }

  /** Rounded up. */
  private static String seconds(Duration time) {
    return Long.toString(time.plusMillis(999).toSeconds());
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 && !a.isZero() ? a : b;
  }
}
