package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * A PostgreSQL server of this test run's own, from the programs that Debian's {@code postgresql}
 * package installs. It listens on a free port of the loopback interface.
 */
public final class PostgresServer implements AutoCloseable {
  private static final Path DEBIAN = Path.of("/usr/lib/postgresql");

  /** Because the server refuses to run as root. */
  private static final String USER = "postgres";

  private static final int ATTEMPTS = 5;
  private static final int FIRST_PORT = 20_000;

  /** Linux gives this one and those above to whoever connects, and to whoever asks for any. */
  private static final int FIRST_OF_CONNECTIONS = 32_768;

  private static final AtomicInteger SCHEMAS = new AtomicInteger();
  private static @Nullable PostgresServer shared;

  private final Path programs;
  private final Path home;
  private final int port;

  private PostgresServer(Path programs, Path home, int port) {
    this.programs = programs;
    this.home = home;
    this.port = port;
  }

  /**
   * The server that all tests of this run share; it ends with the run. Skips the test if the
   * programs are not installed.
   */
  public static synchronized PostgresServer shared() {
    PostgresServer server = shared;
    if (server == null) {
      server = start();
      Runtime.getRuntime().addShutdownHook(new Thread(server::close));
      shared = server;
    }
    return server;
  }

  /** A server of the test's own. Skips the test if the programs are not installed. */
  public static PostgresServer start() {
    Optional<Path> programs = findPrograms();
    Assumptions.assumeTrue(
        programs.isPresent(),
        "PostgreSQL is not installed: no initdb in " + DEBIAN + "/*/bin or on the PATH");
    try {
      Path home = Files.createTempDirectory("seriatim-pg");
      PostgresServer server = new PostgresServer(programs.orElseThrow(), home, freePort());
      if (isRoot()) {
        Files.setOwner(
            home, home.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(USER));
      }
      server.run(
          "initdb",
          "--auth=trust",
          "--username=seriatim",
          "--encoding=UTF8",
          "--locale=C",
          "--no-sync",
          "-D",
          server.data());
      for (int attempt = 1; ; attempt++) {
        try {
          server.resume();
          return server;
        } catch (IllegalStateException e) { // Somebody else may have taken the port since.
          if (attempt == ATTEMPTS) {
            throw e;
          }
          server = new PostgresServer(programs.orElseThrow(), home, freePort());
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("no PostgreSQL server", e);
    }
  }

  /** The URL of a schema that is not there yet; a new one each time. */
  public String newSchema() {
    return url() + "&currentSchema=test" + SCHEMAS.incrementAndGet();
  }

  /** The URL of the server. */
  public String url() {
    return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=seriatim";
  }

  /** Where it listens. */
  int port() {
    return port;
  }

  /** Stops the server; connections break. */
  public void stop() {
    run("pg_ctl", "stop", "-w", "-m", "fast", "-D", data());
  }

  /** Stops the server as a crash would. */
  public void crash() {
    run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data());
  }

  /** Starts the server again, on the same port and with the same data. */
  public void resume() {
    // The tests kill this server, but not the operating system: what it has written is kept.
    String options =
        "-c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -p "
            + port
            + " -k "
            + home;
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
        options);
  }

  /** Stops the server and removes its data. */
  @Override
  public void close() {
    try {
      crash();
    } catch (IllegalStateException e) {
      // It was stopped already.
    }
    try {
      MoreFiles.deleteRecursively(home, RecursiveDeleteOption.ALLOW_INSECURE);
    } catch (IOException e) {
      throw new IllegalStateException(home + " could not be removed", e);
    }
  }

  private String data() {
    return home.resolve("data").toString();
  }

  private void run(String program, String... arguments) {
    List<String> command = new ArrayList<>();
    if (isRoot()) {
      command.addAll(
          List.of("setpriv", "--reuid=" + USER, "--regid=" + USER, "--clear-groups", "--"));
    }
    command.add(programs.resolve(program).toString());
    command.addAll(Arrays.asList(arguments));
    try {
      Path output = Files.createTempFile("seriatim-pg", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(180, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new IllegalStateException(command + " didn't end within 180 s");
        }
        if (process.exitValue() != 0) {
          throw new IllegalStateException(command + " failed:\n" + Files.readString(output, UTF_8));
        }
      } finally {
        Files.delete(output);
      }
    } catch (IOException e) {
      throw new IllegalStateException(command + " could not be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(command + " was interrupted", e);
    }
  }

  private static Optional<Path> findPrograms() {
    List<Path> places = new ArrayList<>();
    if (Files.isDirectory(DEBIAN)) {
      try (Stream<Path> versions = Files.list(DEBIAN)) {
        versions.sorted(Comparator.reverseOrder()).forEach(v -> places.add(v.resolve("bin")));
      } catch (IOException e) {
        throw new IllegalStateException(DEBIAN + " can't be read", e);
      }
    }
    String path = System.getenv("PATH");
    if (path != null) {
      for (String place : path.split(":", -1)) {
        places.add(Path.of(place));
      }
    }
    return places.stream().filter(place -> Files.isExecutable(place.resolve("initdb"))).findFirst();
  }

  private static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  /** One that nobody gets by chance while the server is stopped. */
  private static int freePort() throws IOException {
    for (int attempt = 1; ; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, FIRST_OF_CONNECTIONS);
      try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (BindException e) {
        if (attempt == 100) {
          throw e;
        }
      }
    }
  }
}
