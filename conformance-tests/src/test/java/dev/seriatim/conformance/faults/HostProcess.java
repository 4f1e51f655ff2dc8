package dev.seriatim.conformance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.cluster.FreePort;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One of many hosts: the real server program in a process of its own, which may end and be started
 * again. Clients, the other hosts' trunks, their memberships and the store are each behind a {@link
 * Wire}, whose addresses stay. For one thread.
 */
final class HostProcess implements AutoCloseable {
  private static final String LISTENING = "listening on 127.0.0.1:";
  private static final int ATTEMPTS = 3;

  private final int number;
  private final String store;
  private final List<String> options;
  private final Path log;
  private final Wire front = new Wire();
  private final Wire trunks = new Wire();
  private final Wire membership = new Wire();
  private final Wire database = new Wire();
  private final ManagedChannel channel;
  private Process process;

  /**
   * A host that doesn't run yet.
   *
   * @param number what it is called by people
   * @param store the URL of its store, on this machine
   * @param port where that listens
   * @param options more of the server's
   */
  HostProcess(int number, String store, int port, List<String> options, Path log) {
    this.number = number;
    this.store = store.replace(":" + port + "/", ":" + database.port() + "/");
    this.options = options;
    this.log = log;
    this.database.leadTo(port);
    this.channel = NettyChannelBuilder.forAddress("127.0.0.1", front.port()).usePlaintext().build();
  }

  int number() {
    return number;
  }

  /** Where clients connect. */
  String target() {
    return front.address();
  }

  /** What its row in the store says. */
  String advertised() {
    return trunks.address();
  }

  Wire trunks() {
    return trunks;
  }

  Wire membership() {
    return membership;
  }

  Wire database() {
    return database;
  }

  /** Starts it, and waits until it listens. */
  void start() throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      try {
        startOnce();
        return;
      } catch (IOException e) {
        // The port for its membership may have been taken by somebody else meanwhile.
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private void startOnce() throws IOException, InterruptedException {
    int membershipPort = FreePort.next();
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            // Its membership listens here, and the others reach it by its wire.
            "-Dpekko.remote.artery.bind.hostname=127.0.0.1",
            "-Dpekko.remote.artery.bind.port=" + membershipPort,
            "--class-path",
            System.getProperty("java.class.path"),
            "dev.seriatim.server.Main",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            store,
            "--cluster",
            membership.address(),
            "--advertise",
            trunks.address(),
            // Where the machine is slow, so is a takeover, and a stub that didn't wait would tell.
            "--routing-patience",
            "30"));
    command.addAll(options);
    Process started = new ProcessBuilder(command).redirectErrorStream(true).start();
    process = started;
    CompletableFuture<Integer> listens = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> readOutput(started, listens));
    membership.leadTo(membershipPort);
    try {
      int port = listens.get(Patience.SECONDS, TimeUnit.SECONDS);
      front.leadTo(port);
      trunks.leadTo(port);
    } catch (TimeoutException | ExecutionException e) {
      started.destroyForcibly();
      throw new IOException(this + " doesn't listen, see " + log, e);
    }
  }

  private void readOutput(Process from, CompletableFuture<Integer> listens) {
    try (BufferedReader output =
            new BufferedReader(new InputStreamReader(from.getInputStream(), UTF_8));
        Writer to =
            Files.newBufferedWriter(log, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        to.write(Instant.now() + " " + line + "\n");
        to.flush();
        if (line.startsWith(LISTENING)) {
          listens.complete(Integer.parseInt(line.substring(LISTENING.length())));
        }
      }
      listens.completeExceptionally(new IOException(this + " has ended"));
    } catch (IOException e) {
      listens.completeExceptionally(e);
    }
  }

  /** Whether it says that it serves. */
  boolean isServing() {
    try {
      return HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(2, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus()
          == ServingStatus.SERVING;
    } catch (StatusRuntimeException e) {
      channel.resetConnectBackoff();
      return false;
    }
  }

  void awaitServing() throws InterruptedException {
    Patience.await(this + " serves, see " + log, this::isServing);
  }

  /** Ends it as a power cut would, and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Has it hand over what it has and end, and waits until it is gone. */
  void terminate() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(Patience.SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError(this + " ends after SIGTERM, see " + log + ": never came");
    }
  }

  /** It stands still, as on a machine that hangs. */
  void pause() throws IOException, InterruptedException {
    signal("STOP");
  }

  void resume() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  @Override
  public String toString() {
    return "host " + number;
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly(); // Also if it stands still.
    }
    channel.shutdownNow();
    for (Wire wire : List.of(front, trunks, membership, database)) {
      wire.close();
    }
  }
}
