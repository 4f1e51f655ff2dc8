package dev.seriatim.benchmarks.pekko;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The process that is called: the node with the counters. Prints its address, and ends when its
 * standard input does.
 */
record HostProcess(Process process, String address) implements AutoCloseable {
  /** Runs the node. */
  public static void main(String[] arguments) throws IOException {
    Node node = Node.start(Node.HOST);
    node.join(node.address());
    System.out.println(node.address());
    while (System.in.read() >= 0) {}
  }

  /** Starts it in a JVM like this one. */
  static HostProcess start() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(
        List.of(
            "--class-path", System.getProperty("java.class.path"), HostProcess.class.getName()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String address = process.inputReader(StandardCharsets.UTF_8).readLine();
    if (address == null) {
      throw new IOException("the host process ended before it listened");
    }
    return new HostProcess(process, address);
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
