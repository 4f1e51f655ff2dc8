package dev.seriatim.benchmarks;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Two hosts on one PostgreSQL, by {@code scripts/cluster}: one that has every object, and one that
 * has none and passes stubs on.
 */
final class EdgeHosts implements AutoCloseable {
  private static final Path SCRIPTS = Path.of(System.getProperty("seriatim.scripts", "scripts"));

  private final Path home;
  private final int port;

  private EdgeHosts(Path home, int port) {
    this.home = home;
    this.port = port;
  }

  /** Starts them, and waits until they serve. What goes wrong is said by the script. */
  static EdgeHosts start(Scratch scratch) throws IOException, InterruptedException {
    EdgeHosts hosts = new EdgeHosts(scratch.directory("cluster"), freePort());
    Runtime.getRuntime().addShutdownHook(new Thread(hosts::close));
    String jar =
        Path.of(EdgeHosts.class.getProtectionDomain().getCodeSource().getLocation().getPath())
            .toString();
    int status =
        hosts.script("2", "--edge", "--port", Integer.toString(hosts.port), "--", "--objects", jar);
    if (status != 0) {
      throw new IOException("scripts/cluster ended with status " + status);
    }
    return hosts;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return Math.min(socket.getLocalPort(), 60_000);
    }
  }

  /** Where the owner of all objects serves. */
  int owner() {
    return port;
  }

  /** Where the host serves that passes stubs on. */
  int edge() {
    return port + 1;
  }

  /** The processor time that both have taken so far. */
  Duration cpu() throws IOException {
    Duration cpu = Duration.ZERO;
    for (int host = 1; host <= 2; host++) {
      long pid = Long.parseLong(Files.readString(home.resolve("host-" + host + ".pid")).strip());
      cpu =
          cpu.plus(
              ProcessHandle.of(pid)
                  .flatMap(process -> process.info().totalCpuDuration())
                  .orElse(Duration.ZERO));
    }
    return cpu;
  }

  private int script(String... arguments) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of(SCRIPTS.resolve("cluster").toString()));
    words.addAll(List.of(arguments));
    ProcessBuilder command =
        new ProcessBuilder(words)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    command.environment().put("SERIATIM_CLUSTER", home.toString());
    command.environment().put("SERIATIM_JAVA_OPTS", "-Xms512m -Xmx512m -XX:+UseParallelGC");
    return command.start().waitFor();
  }

  @Override
  public void close() {
    try {
      if (Files.exists(home.resolve("settings"))) {
        int _ = script("down");
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
