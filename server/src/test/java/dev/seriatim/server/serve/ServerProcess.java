package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Wait;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;

/**
 * The server program as a process of its own, which listens on a free port. It is the real one, but
 * that it may take its time to end: how fast it does is the machine's affair.
 */
final class ServerProcess implements AutoCloseable {
  private static final String LISTENING = "listening on ";

  /** A process takes many seconds to start and to end where others have the processors. */
  static final Duration PATIENCE = Duration.ofMinutes(4);

  /** Longer than a test waits for the end: one that didn't come by itself is missed there. */
  private static final Duration LAST_END = PATIENCE.plusMinutes(1);

  /** What runs in the process. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) {
      Serve serve = new Serve(/* begun= */ null, LAST_END);
      System.exit(Serve.command(System.getenv(), serve).execute(arguments));
    }
  }

  private final List<String> output = new CopyOnWriteArrayList<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Process process;

  private ServerProcess(Process process) {
    this.process = process;
    BufferedReader lines = process.inputReader(UTF_8);
    Thread.startVirtualThread(
        () -> {
          try {
            lines.lines().forEach(output::add);
          } finally {
            ended.countDown();
          }
        });
  }

  /**
   * Starts it with these options and with the objects of this class, and waits until it listens.
   *
   * @param directory where there is room for a jar
   */
  static ServerProcess start(
      Path directory, Class<? extends DurableObjectProvider> objects, List<String> options)
      throws IOException {
    return start(directory, objects, List.of(), options);
  }

  /** The same, with these options of the JVM. */
  static ServerProcess start(
      Path directory,
      Class<? extends DurableObjectProvider> objects,
      List<String> ofJvm,
      List<String> options)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(ofJvm);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            Program.class.getName(),
            "--listen",
            "127.0.0.1:0",
            "--objects",
            jar(directory, objects).toString()));
    command.addAll(options);
    ServerProcess started =
        new ServerProcess(new ProcessBuilder(command).redirectErrorStream(true).start());
    started.await(LISTENING);
    return started;
  }

  /** A jar there, through which the objects of this class are found. */
  static Path jar(Path directory, Class<?> objects) throws IOException {
    Path file = directory.resolve("objects.jar");
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out)) {
      jar.putNextEntry(new ZipEntry("META-INF/services/" + DurableObjectProvider.class.getName()));
      jar.write(objects.getName().getBytes(UTF_8));
    }
    return file;
  }

  /** Waits until it has said this. */
  void await(String text) {
    Wait.until(
        PATIENCE,
        () -> hasSaid(text) || ended.getCount() == 0,
        () -> "'" + text + "' in " + output);
    assertWithMessage("'%s' in what it said before it ended: %s", text, output)
        .that(hasSaid(text))
        .isTrue();
  }

  private boolean hasSaid(String text) {
    return output.stream().anyMatch(line -> line.contains(text));
  }

  /** The first line with this in it, which it has said. */
  String line(String text) {
    return output.stream().filter(line -> line.contains(text)).findFirst().orElseThrow();
  }

  /** What it has said behind this, at the beginning of a line. */
  String said(String before) {
    await(before);
    return output.stream()
        .filter(line -> line.startsWith(before))
        .findFirst()
        .orElseThrow()
        .substring(before.length());
  }

  /** A new channel to it. */
  ManagedChannel channel() {
    return NettyChannelBuilder.forTarget(said(LISTENING)).usePlaintext().build();
  }

  /** Sends SIGTERM. */
  void terminate() {
    // Not the process' own method, which would close its output, too.
    assertWithMessage("SIGTERM is sent").that(process.toHandle().destroy()).isTrue();
  }

  /** Sends SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  /** Waits for its end, and says with what. */
  int exitValue() throws InterruptedException {
    assertWithMessage("the server ends").that(process.waitFor(PATIENCE)).isTrue();
    return process.exitValue();
  }

  @Override
  public void close() {
    kill();
  }
}
