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
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
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

  private final JavaProcess process;

  private HostProcess(JavaProcess process) {
    this.process = process;
  }

  /** Runs the servers; the argument is the directory of the durable host. */
  public static void main(String[] arguments) throws Exception {
    quiet();
    Server bare =
        NettyServerBuilder.forAddress(anyPort())
            .directExecutor()
            .addService(new BareService())
            .build()
            .start();
    DurableObjectHost memory = host().build().start();
    DurableObjectHost durable =
        host().storage(StorageOptions.sqlite(Path.of(arguments[0]))).build().start();
    JavaProcess.serve(bare.getPort(), memory.port(), durable.port());
    durable.close();
    memory.close();
    bare.shutdownNow();
    System.exit(0);
  }

  /** Doesn't log what every load does at its end. */
  static void quiet() {
    STREAMS.setLevel(Level.SEVERE);
  }

  /** A host in memory with the benchmarks' objects, before it is built. */
  static DurableObjectHost.Builder host() {
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
    JavaProcess process =
        JavaProcess.start(
            scratch,
            HostProcess.class,
            directory,
            options,
            Map.of(),
            directory.resolve("data").toString());
    return new HostProcess(process);
  }

  int barePort() {
    return process.port(0);
  }

  int memoryPort() {
    return process.port(1);
  }

  int durablePort() {
    return process.port(2);
  }

  @Override
  public void close() {
    process.close();
  }
}
