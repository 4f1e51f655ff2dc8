package dev.seriatim.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A PostgreSQL of one test's own, on a free port of the loopback interface. */
public final class TestPostgres implements AutoCloseable {
  private static final Path DEBIAN = Path.of("/usr/lib/postgresql");
  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  private static final int ATTEMPTS = 3;

  private final Path programs;
  private final Path home;
  private int port;

  private TestPostgres(Path programs, Path home) {
    this.programs = programs;
    this.home = home;
  }

  /** Starts one in this directory, or skips the test if the programs aren't installed. */
  public static TestPostgres start(Path home) throws IOException, InterruptedException {
    Optional<Path> programs = programs();
    Assumptions.assumeTrue(
        programs.isPresent(), "PostgreSQL is not installed: no initdb in " + DEBIAN + "/*/bin");
    if (ROOT) {
      // It refuses to run as root.
      Files.setOwner(
          home,
          home.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("postgres"));
    }
    TestPostgres server = new TestPostgres(programs.orElseThrow(), home);
    server.run("initdb", "--auth=trust", "--username=seriatim", "--no-sync", "-D", server.data());
    server.startOnFreePort();
    return server;
  }

  private void startOnFreePort() throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      port = FreePort.next();
      try {
        start();
        return;
      } catch (IOException e) {
        // Somebody else may have taken the port meanwhile.
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private void start() throws IOException, InterruptedException {
    run(
        "pg_ctl",
        "start",
        "-w",
        "-t",
        "150",
        "-l",
        home.resolve("log").toString(),
        "-D",
        data(),
        "-o",
        "-c listen_addresses=127.0.0.1 -c fsync=off -p " + port + " -k " + home);
  }

  private static Optional<Path> programs() throws IOException {
    if (!Files.isDirectory(DEBIAN)) {
      return Optional.empty();
    }
    try (Stream<Path> versions = Files.list(DEBIAN)) {
      return versions
          .sorted(Comparator.reverseOrder())
          .map(version -> version.resolve("bin"))
          .filter(place -> Files.isExecutable(place.resolve("initdb")))
          .findFirst();
    }
  }

  /** The URL of its one database. */
  public String url() {
    return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=seriatim";
  }

  private String data() {
    return home.resolve("data").toString();
  }

  private String run(String program, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (ROOT) {
      command.addAll(List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"));
    }
    command.add(programs.resolve(program).toString());
    command.addAll(Arrays.asList(arguments));
    Path output = Files.createTempFile("seriatim-pg", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(home.toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (!process.waitFor(180, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException(command + " failed:\n" + Files.readString(output, UTF_8));
      }
      return Files.readString(output, UTF_8);
    } finally {
      Files.delete(output);
    }
  }

  /** Where it listens. */
  public int port() {
    return port;
  }

  /** Ends it as a crash would, and starts it again. */
  public void restart() throws IOException, InterruptedException {
    run("pg_ctl", "restart", "-w", "-t", "150", "-m", "immediate", "-D", data());
  }

  /** Keeps what is stored now, for {@link #goBack}. */
  public void keep() throws IOException, InterruptedException {
    run(
        "pg_basebackup",
        "--host=127.0.0.1",
        "--port=" + port,
        "--username=seriatim",
        "--checkpoint=fast",
        "--no-sync",
        "-D",
        home.resolve("kept").toString());
  }

  /** Ends it as a crash would, and starts it with what was kept last. */
  public void goBack() throws IOException, InterruptedException {
    run("pg_ctl", "stop", "-w", "-t", "150", "-m", "immediate", "-D", data());
    Files.move(Path.of(data()), home.resolve("lost"));
    Files.move(home.resolve("kept"), Path.of(data()));
    start();
  }

  /** What it answers to this, as text. */
  public String query(String sql) throws IOException, InterruptedException {
    return run(
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        url().substring("jdbc:".length()),
        "-c",
        sql);
  }

  @Override
  public void close() throws IOException {
    try {
      run("pg_ctl", "stop", "-w", "-t", "150", "-m", "immediate", "-D", data());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while PostgreSQL stopped", e);
    }
  }
}
