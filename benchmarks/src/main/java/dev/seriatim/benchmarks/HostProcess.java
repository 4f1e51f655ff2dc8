package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.CounterGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The process that is called: a bare gRPC server, a host in memory, and a host on SQLite. Prints
 * their ports in one line, and ends when its standard input does.
 */
final class HostProcess implements AutoCloseable {
  /** Warns of each stream whose client went away in the middle, as every load does at its end. */
  private static final Logger STREAMS =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler");

  private final Scratch scratch;
  private final Process process;
  private final int barePort;
  private final int memoryPort;
  private final int durablePort;

  private HostProcess(Scratch scratch, Process process, List<Integer> ports) {
    this.scratch = scratch;
    this.process = process;
    barePort = ports.get(0);
    memoryPort = ports.get(1);
    durablePort = ports.get(2);
  }

  /** Runs the servers; the argument is the directory of the durable host. */
  public static void main(String[] arguments) throws Exception {
    STREAMS.setLevel(Level.SEVERE);
    Server bare =
        NettyServerBuilder.forAddress(anyPort())
            .directExecutor()
            .addService(new BareService())
            .build()
            .start();
    DurableObjectHost memory = host().build().start();
    DurableObjectHost durable =
        host().storage(StorageOptions.sqlite(Path.of(arguments[0]))).build().start();
    System.out.println(bare.getPort() + " " + memory.port() + " " + durable.port());
    while (System.in.read() >= 0) {}
    durable.close();
    memory.close();
    bare.shutdownNow();
    System.exit(0);
  }

  private static DurableObjectHost.Builder host() {
    return DurableObjectHost.builder()
        .namespace(BenchObject.NAMESPACE, BenchGrpc.getServiceDescriptor(), BenchObject::new)
        .namespace(Counter.NAMESPACE, CounterGrpc.getServiceDescriptor(), Counter::new)
        .namespace(RowsObject.NAMESPACE, BenchGrpc.getServiceDescriptor(), RowsObject::new)
        // Idle objects must stay while their heap is measured.
        .limits(HostLimits.builder().idleLimit(Duration.ofHours(1)).build())
        .listen(anyPort());
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  /** Starts it in a JVM like this one, with these options beyond its own. */
  static HostProcess start(Scratch scratch, List<String> options) throws IOException {
    Path directory = scratch.directory("host");
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(Jvm.OPTIONS);
    command.add("-Djava.io.tmpdir=" + directory);
    command.addAll(options);
    command.addAll(
        List.of(
            "--class-path",
            System.getProperty("java.class.path"),
            HostProcess.class.getName(),
            directory.resolve("data").toString()));
    Process process =
        scratch.start(new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT));
    String line = process.inputReader(StandardCharsets.UTF_8).readLine();
    if (line == null) {
      throw new IOException("the host process ended before it listened");
    }
    return new HostProcess(
        scratch, process, Arrays.stream(line.split(" ")).map(Integer::valueOf).toList());
  }

  int barePort() {
    return barePort;
  }

  int memoryPort() {
    return memoryPort;
  }

  int durablePort() {
    return durablePort;
  }

  @Override
  public void close() {
    scratch.end(process);
  }
}
