package dev.seriatim.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A process of our own that is called, in a JVM like this one. It prints the ports of its servers
 * in one line, and ends when its standard input does.
 */
final class JavaProcess implements AutoCloseable {
  private final Scratch scratch;
  private final Process process;
  private final List<Integer> ports;

  private JavaProcess(Scratch scratch, Process process, List<Integer> ports) {
    this.scratch = scratch;
    this.process = process;
    this.ports = ports;
  }

  /**
   * Starts one, and waits until it serves.
   *
   * @param main has the program
   * @param directory where it may write
   * @param options of the JVM, beyond its own
   * @param environment beyond this process's
   */
  static JavaProcess start(
      Scratch scratch,
      Class<?> main,
      Path directory,
      List<String> options,
      Map<String, String> environment,
      String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(Jvm.OPTIONS);
    command.add("-Djava.io.tmpdir=" + directory);
    command.addAll(options);
    command.addAll(List.of("--class-path", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().putAll(environment);
    Process process = scratch.start(builder);
    String line = process.inputReader(StandardCharsets.UTF_8).readLine();
    if (line == null) {
      throw new IOException(main.getSimpleName() + " ended before it listened");
    }
    return new JavaProcess(
        scratch, process, Arrays.stream(line.split(" ")).map(Integer::valueOf).toList());
  }

  /** In the process: says where it serves, and waits until it is to end. */
  static void serve(int... ports) throws IOException {
    System.out.println(
        IntStream.of(ports).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
    while (System.in.read() >= 0) {}
  }

  /** The port of one of its servers, in the order in which it printed them. */
  int port(int server) {
    return ports.get(server);
  }

  @Override
  public void close() {
    scratch.end(process);
  }
}
