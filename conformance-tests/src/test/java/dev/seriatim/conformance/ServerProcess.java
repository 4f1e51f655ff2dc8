package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The real server program in a process of its own, with whatever objects are on the class path. */
final class ServerProcess implements AutoCloseable {
  private static final String LISTENING = "listening on 127.0.0.1:";
  private static final long START_SECONDS = 120;

  private final Process process;
  private final int port;

  private ServerProcess(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** Starts it with these options more, and waits until it listens. */
  static ServerProcess start(String... options)
      throws IOException, InterruptedException, ExecutionException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--class-path",
            System.getProperty("java.class.path"),
            "dev.seriatim.server.Main",
            "serve",
            "--listen",
            "127.0.0.1:0",
            // A disk that is busy with others for long isn't away.
            "--store-patience",
            "60"));
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    CompletableFuture<Integer> port = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> readOutput(process, port));
    try {
      return new ServerProcess(process, port.get(START_SECONDS, TimeUnit.SECONDS));
    } catch (TimeoutException e) {
      process.destroyForcibly();
      throw new IOException("the server did not listen within " + START_SECONDS + " s", e);
    }
  }

  private static void readOutput(Process process, CompletableFuture<Integer> port) {
    try (BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        if (line.startsWith(LISTENING)) {
          port.complete(Integer.parseInt(line.substring(LISTENING.length())));
        }
      }
      port.completeExceptionally(new IOException("the server ended before it listened"));
    } catch (IOException e) {
      port.completeExceptionally(e);
    }
  }

  ManagedChannel connect() {
    return NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
  }

  /** Ends it as a power cut would, and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  /** Asks it to drain, and waits until it is gone. */
  int terminate() throws InterruptedException {
    process.destroy();
    return process.waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
