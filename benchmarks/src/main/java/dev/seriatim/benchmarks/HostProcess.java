package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The process that is called: a bare gRPC server, a host in memory, and a host on SQLite. Prints
 * their three ports in one line, and ends when its standard input does.
 */
final class HostProcess implements AutoCloseable {
  private final Process process;
  private final int barePort;
  private final int memoryPort;
  private final int durablePort;

  private HostProcess(Process process, List<Integer> ports) {
    this.process = process;
    barePort = ports.get(0);
    memoryPort = ports.get(1);
    durablePort = ports.get(2);
  }

  /** Runs the servers; the argument is the directory of the durable host. */
  public static void main(String[] arguments) throws Exception {
    Server bare = netty().directExecutor().addService(new BareService()).build().start();
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
        // Idle objects must stay while their heap is measured.
        .limits(HostLimits.builder().idleLimit(Duration.ofHours(1)).build())
        .server(netty());
  }

  private static ServerBuilder<?> netty() {
    return NettyServerBuilder.forAddress(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  /** Starts it in a JVM like this one. */
  static HostProcess start(Path data) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(Jvm.OPTIONS);
    command.addAll(
        List.of(
            "--class-path",
            System.getProperty("java.class.path"),
            HostProcess.class.getName(),
            data.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = output.readLine();
    if (line == null) {
      throw new IOException("the host process ended before it listened");
    }
    return new HostProcess(
        process, List.of(line.split(" ")).stream().map(Integer::valueOf).toList());
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
    process.destroyForcibly();
  }
}
