package dev.seriatim.conformance.attack;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.reflect.UndeclaredThrowableException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** The real server program in a process of its own, with a small heap and a store on disk. */
final class Victim implements AutoCloseable {
  private static final String LISTENING = "listening on 127.0.0.1:";
  private static final long START_SECONDS = 120;
  private static final long LOOK_MILLIS = 50;

  /** It comes onto the class path by scripts/attack. */
  private static final String PROGRAM = "dev.seriatim.server.Main";

  private static final int MIB = 1 << 20;
  static final long UNKNOWN = 9_999;

  private final Path directory;
  private final Path log;
  private final Process process;
  private final int port;
  private final JMXConnector connector;
  private final MemoryMXBean memory;
  private final List<ManagedChannel> channels = new ArrayList<>();

  @SuppressWarnings("BanJNDI") // It is our own child that is looked at.
  private Victim(Path directory, Path log, Process process)
      throws IOException, InterruptedException {
    this.directory = directory;
    this.log = log;
    this.process = process;
    port = awaitPort();
    connector = JMXConnectorFactory.connect(managementAddress(process.pid()));
    memory =
        ManagementFactory.newPlatformMXBeanProxy(
            connector.getMBeanServerConnection(),
            ManagementFactory.MEMORY_MXBEAN_NAME,
            MemoryMXBean.class);
  }

  /** Starts it with a heap of this size, such as {@code 512m}, and these options of the server. */
  static Victim start(String heap, List<String> options) throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("attack");
    Path log = directory.resolve("log");
    List<String> command =
        new ArrayList<>(
            java(
                List.of("-Xmx" + heap, "-D" + TargetNamespace.PROPERTY + "=true"),
                PROGRAM,
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--data",
                directory.resolve("data").toString()));
    command.addAll(options);
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    // Whatever ends the attacks, the server goes with them.
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    boolean started = false;
    try {
      Victim victim = new Victim(directory, log, process);
      started = true;
      return victim;
    } finally {
      if (!started) {
        process.destroyForcibly();
      }
    }
  }

  /** The command that runs a class of ours in a JVM like this one, with these options more. */
  static List<String> java(List<String> options, String main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"));
    command.addAll(options);
    command.addAll(List.of("--class-path", System.getProperty("java.class.path"), main));
    command.addAll(List.of(arguments));
    return command;
  }

  private int awaitPort() throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (System.nanoTime() - end < 0 && process.isAlive()) {
      try (Stream<String> lines = Files.lines(log)) {
        for (String line : (Iterable<String>) lines::iterator) {
          if (line.startsWith(LISTENING)) {
            return Integer.parseInt(line.substring(LISTENING.length()).trim());
          }
        }
      }
      Thread.sleep(LOOK_MILLIS);
    }
    throw new IOException("the server did not listen; it said:\n" + Files.readString(log));
  }

  private static JMXServiceURL managementAddress(long pid) throws IOException {
    try {
      VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
      try {
        return new JMXServiceURL(machine.startLocalManagementAgent());
      } finally {
        machine.detach();
      }
    } catch (AttachNotSupportedException e) {
      throw new IOException("the server's memory can't be looked at", e);
    }
  }

  int port() {
    return port;
  }

  /** A connection of a gRPC client to it, which is closed with this. */
  ManagedChannel connect() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port)
            .usePlaintext()
            .maxInboundMessageSize(64 * MIB)
            .build();
    channels.add(channel);
    return channel;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /**
   * What its heap holds, in MiB, once what nobody holds is gone; very much if it doesn't tell in
   * time.
   */
  long heap() {
    try {
      memory.gc();
      return memory.getHeapMemoryUsage().getUsed() / MIB;
    } catch (UndeclaredThrowableException e) {
      return UNKNOWN;
    }
  }

  /** What the process has of the machine's memory, in MiB. */
  long resident() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
      return lines
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
          .findFirst()
          .orElse(0);
    }
  }

  /** How much it has logged, in bytes. */
  long logged() throws IOException {
    return Files.size(log);
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  /** Keeps every commit waiting until what this gives back is closed. */
  AutoCloseable stallCommits() throws SQLException {
    Connection connection =
        DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("data/seriatim.db"));
    try (Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA busy_timeout = 10000");
      statement.execute("BEGIN IMMEDIATE");
    }
    return connection;
  }

  @Override
  public void close() throws IOException {
    channels.forEach(ManagedChannel::shutdownNow);
    process.destroyForcibly();
    try {
      process.waitFor();
      connector.close();
    } catch (IOException e) {
      // The server is gone.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
  }
}
