package dev.seriatim.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hosts on one PostgreSQL, by {@code scripts/cluster}, numbered from 1. The last has no objects,
 * and passes stubs on.
 */
final class ClusterHosts implements AutoCloseable {
  private static final Path SCRIPTS = Path.of(System.getProperty("seriatim.scripts", "scripts"));
  private static final Pattern STORE = Pattern.compile("(?m)^store=(\\S+)$");

  private static final int ATTEMPTS = 100;

  /** How far from each other the numbers of slots of two hosts may be. */
  private static final int EVEN = 40;

  private final Path home;
  private final int port;
  private final int count;

  private ClusterHosts(Path home, int port, int count) {
    this.home = home;
    this.port = port;
    this.count = count;
  }

  /**
   * Starts them, and waits until they serve. What goes wrong is said by the script.
   *
   * @param count how many, with the one that has no objects
   * @param heap the heap of each in MiB
   */
  static ClusterHosts start(Scratch scratch, int count, int heap)
      throws IOException, InterruptedException {
    ClusterHosts hosts = new ClusterHosts(scratch.directory("cluster"), freePorts(count), count);
    Runtime.getRuntime().addShutdownHook(new Thread(hosts::close));
    String jar =
        Path.of(ClusterHosts.class.getProtectionDomain().getCodeSource().getLocation().getPath())
            .toString();
    hosts.script(
        heap,
        Integer.toString(count),
        "--edge",
        "--port",
        Integer.toString(hosts.port),
        "--",
        "--objects",
        jar);
    return hosts;
  }

  /**
   * The first of those that the script takes: one for each host, and 1,000 above it where its
   * membership is. Nobody gets them by chance while a host is away: Linux gives those from 32,768
   * on to whoever connects.
   */
  private static int freePorts(int count) throws IOException {
    for (int attempt = 1; ; attempt++) {
      int first = ThreadLocalRandom.current().nextInt(20_000, 31_000);
      try {
        for (int port = first; port < first + count; port++) {
          tryPort(port);
          tryPort(port + 1_000);
        }
        return first;
      } catch (BindException e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private static void tryPort(int port) throws IOException {
    try (ServerSocket _ = new ServerSocket(port)) {
      // It is free.
    }
  }

  /** How many there are. */
  int count() {
    return count;
  }

  /** Where this one serves. */
  int port(int host) {
    return port + host - 1;
  }

  /** Where the host serves that passes stubs on. */
  int edge() {
    return port(count);
  }

  /** The processor time that all have taken so far. */
  Duration cpu() throws IOException {
    Duration cpu = Duration.ZERO;
    for (int host = 1; host <= count; host++) {
      cpu = cpu.plus(process(host).info().totalCpuDuration().orElse(Duration.ZERO));
    }
    return cpu;
  }

  private ProcessHandle process(int host) throws IOException {
    long pid = Long.parseLong(Files.readString(home.resolve("host-" + host + ".pid")).strip());
    return ProcessHandle.of(pid)
        .orElseThrow(() -> new IOException("host " + host + " doesn't run, see " + home));
  }

  /** Ends this one by SIGTERM, and waits until it has ended. */
  void terminate(int host) throws IOException {
    ProcessHandle process = process(host);
    process.destroy();
    process.onExit().join();
  }

  /** Ends this one by SIGKILL, and waits until it has ended. */
  void kill(int host) throws IOException {
    ProcessHandle process = process(host);
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Starts this one again, and waits until it serves. */
  void restart(int host, int heap) throws IOException, InterruptedException {
    script(heap, "start", Integer.toString(host));
  }

  /** Waits until each host but the last has its share of the slots. */
  void awaitEven() throws Exception {
    Patience.await("slots that are even within " + EVEN, this::isEven);
  }

  private boolean isEven() throws IOException, SQLException {
    int[] slots = new int[count + 1];
    for (int owner : owners()) {
      slots[owner]++;
    }
    int[] shares = Arrays.copyOfRange(slots, 1, count);
    return slots[0] == 0
        && Arrays.stream(shares).max().orElse(0) - Arrays.stream(shares).min().orElse(0) <= EVEN;
  }

  /** The number of the host that has each slot, or 0, as the store says. */
  int[] owners() throws IOException, SQLException {
    Matcher store = STORE.matcher(Files.readString(home.resolve("settings")));
    if (!store.find()) {
      throw new IOException("no store in " + home.resolve("settings"));
    }
    int[] owners = new int[1024];
    String url = store.group(1).replace("\\", "");
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT slot, address FROM slots JOIN hosts USING (host) WHERE address <> ''")) {
      while (rows.next()) {
        String address = rows.getString(2);
        int at = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
        owners[rows.getInt(1)] = at - port + 1;
      }
    }
    return owners;
  }

  private void script(int heap, String... arguments) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of(SCRIPTS.resolve("cluster").toString()));
    words.addAll(List.of(arguments));
    ProcessBuilder command =
        new ProcessBuilder(words)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    command.environment().put("SERIATIM_CLUSTER_DIR", home.toString());
    command
        .environment()
        .put("SERIATIM_JAVA_OPTS", "-Xms%1$dm -Xmx%1$dm -XX:+UseParallelGC".formatted(heap));
    int status = command.start().waitFor();
    if (status != 0) {
      throw new IOException(String.join(" ", words) + " ended with status " + status);
    }
  }

  @Override
  public void close() {
    try {
      if (Files.exists(home.resolve("settings"))) {
        script(1, "down");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
