package dev.seriatim.service.server;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.placement.Cluster;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The server program: hosts the objects on its class path and in the jars that it is given. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    version = "Seriatim " + Main.VERSION,
    sortOptions = false,
    description = "Serves durable objects over gRPC until it gets SIGTERM, and then drains.",
    exitCodeOnInvalidInput = 2)
public final class Main implements Callable<Integer> {
  /** Of this program. */
  static final String VERSION = "0.1.0";

  private static final String LOG_MANAGER = "java.util.logging.manager";

  /** How long after the drain limit the process ends, whatever still goes on. */
  static final Duration AFTER_DRAIN_LIMIT = Duration.ofSeconds(10);

  @Spec private @Nullable CommandSpec spec;

  /** Written by the hook that drains. */
  private volatile boolean draining;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:" + DurableObjectHost.Builder.DEFAULT_PORT,
      converter = AddressConverter.class,
      description = "Where to listen; port 0 picks a free one. Default: ${DEFAULT-VALUE}")
  private InetSocketAddress listen = new InetSocketAddress(DurableObjectHost.Builder.DEFAULT_PORT);

  @ArgGroup private StorePlace place = new StorePlace();

  @Option(
      names = "--objects",
      paramLabel = "JAR",
      description =
          "A jar with more objects, found through its DurableObjectProvider. May be repeated.")
  private List<Path> objects = new ArrayList<>();

  @ArgGroup(exclusive = false)
  private @Nullable Tls tls;

  @Option(
      names = "--log-limit",
      paramLabel = "N",
      defaultValue = "10",
      description =
          "How many records of one kind are logged a minute; the rest is counted. Default:"
              + " ${DEFAULT-VALUE}")
  private int logLimit = 10;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      defaultValue = "text",
      description =
          "What the log, on standard error, looks like: text, or json with an object for each"
              + " record. Default: ${DEFAULT-VALUE}")
  private LogFormat logFormat = LogFormat.TEXT;

  @ArgGroup(exclusive = false, validate = false, heading = "Storage:%n")
  private StoreOptions store = new StoreOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Many hosts:%n")
  private ClusterOptions cluster = new ClusterOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Limits:%n")
  private LimitOptions limits = new LimitOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Limits of connections:%n")
  private ConnectionOptions connections = new ConnectionOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Limits of what is remembered:%n")
  private SessionOptions sessions = new SessionOptions();

  /** Both files or neither. */
  private static final class Tls {
    @Option(
        names = "--tls-certificate",
        paramLabel = "FILE",
        required = true,
        description = "Serve over TLS, with this certificate chain (PEM).")
    private @Nullable Path certificate;

    @Option(
        names = "--tls-key",
        paramLabel = "FILE",
        required = true,
        description = "The certificate's private key (PKCS #8, PEM).")
    private @Nullable Path key;
  }

  private Main() {}

  /**
   * Runs the program; exits with 0 after a drain, 1 on a failure to start or a drain that didn't
   * end, 2 on bad usage.
   */
  public static void main(String[] arguments) {
    if (System.getProperty(LOG_MANAGER) == null) {
      // The class mustn't be used before, for with it the JDK makes its manager.
      System.setProperty(LOG_MANAGER, LogUntilTheEnd.class.getName());
    }
    System.exit(
        new CommandLine(new Main()).setCaseInsensitiveEnumValuesAllowed(true).execute(arguments));
  }

  @Override
  public Integer call() throws Exception {
    if (logLimit < 1) {
      throw usage("--log-limit: " + logLimit + ", expected at least 1");
    }
    Logs.begin(logFormat, logLimit);
    HealthStatusManager health = new HealthStatusManager();
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    HostLimits all;
    List<String> served;
    try {
      all = connections.applyTo(limits.toLimits().sessions(sessions.toLimits()));
      builder.limits(all);
      builder.storage(store.applyTo(place.toOptions()));
      Cluster joined =
          cluster.make(
              place.canBeShared(),
              listen,
              limits.toLimits().build(),
              tls == null ? null : tls.certificate);
      if (joined != null) {
        builder.cluster(joined);
      }
      served = ObjectJars.addTo(builder, objects);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    DurableObjectHost host;
    try {
      host =
          builder
              .listen(listen, credentials())
              .service(health.getHealthService())
              .service(ProtoReflectionServiceV1.newInstance())
              .service(olderReflection())
              .build();
      health(host, health);
      host.start();
    } catch (StorageException e) {
      err().println("can't open the store: " + e.getMessage());
      return 1;
    } catch (IOException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      err()
          .println(
              "can't listen on "
                  + listen.getHostString()
                  + ":"
                  + listen.getPort()
                  + ": "
                  + why.getMessage());
      return 1;
    }
    LogUntilTheEnd.keep();
    Thread drain = new Thread(() -> drain(host, health), "seriatim-drain");
    Runtime.getRuntime().addShutdownHook(drain);
    out().println(place);
    served.forEach(out()::println);
    out().println("listening on " + listen.getHostString() + ":" + host.port());
    out().flush();
    StartRecord.log(facts(builder, host.port()), all);
    try {
      host.awaitServing();
    } catch (StorageException e) {
      if (!draining) {
        Runtime.getRuntime().removeShutdownHook(drain); // It would end with 0.
        err().println("can't have the store: " + e.getMessage());
        host.close();
        return 1;
      }
    }
    host.awaitTermination();
    return 0;
  }

  private Map<String, Object> facts(DurableObjectHost.Builder builder, int port) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("version", VERSION);
    facts.put("java", Runtime.version());
    facts.put("pid", ProcessHandle.current().pid());
    facts.put("address", listen.getHostString() + ":" + port);
    facts.put("tls", tls != null);
    facts.put("store", place.where());
    facts.put("namespaces", String.join(" ", builder.namespaces()));
    return facts;
  }

  /** Who has no objects is no use to a client, though it listens. */
  private void health(DurableObjectHost host, HealthStatusManager health) {
    host.onServing(
        serving ->
            health.setStatus(
                HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
                serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING));
  }

  /** Reflection v1alpha: deprecated, and what many tools still ask for. */
  @SuppressWarnings("deprecation")
  private static BindableService olderReflection() {
    return ProtoReflectionService.newInstance();
  }

  private void drain(DurableObjectHost host, HealthStatusManager health) {
    draining = true;
    haltLater();
    health.enterTerminalState();
    out().println("draining: every stub finishes the turn that it is in, and is told");
    out().flush();
    try {
      host.drain();
    } catch (InterruptedException e) {
      host.close();
    }
    out().println("drained");
    out().flush();
    Logs.end();
    // Otherwise the JVM would report the signal as its exit code, as if it had not been handled.
    Runtime.getRuntime().halt(0);
  }

  /**
   * Whatever hangs, a store that doesn't answer or a client that doesn't read: who waits for this
   * process doesn't wait for long. To end in the middle does no harm; a crash would be no
   * different.
   */
  private void haltLater() {
    Duration limit =
        limits.toLimits().build().drainLimit().plus(cluster.leaveLimit()).plus(AFTER_DRAIN_LIMIT);
    Thread.ofPlatform()
        .daemon()
        .name("seriatim-drain-limit")
        .start(
            () -> {
              try {
                Thread.sleep(limit);
              } catch (InterruptedException e) {
                return; // Nobody does that.
              }
              err().println("the drain has not ended after " + limit.toSeconds() + " s: ends here");
              Logs.end();
              Runtime.getRuntime().halt(1);
            });
  }

  private ServerCredentials credentials() throws IOException {
    if (tls == null || tls.certificate == null || tls.key == null) {
      return InsecureServerCredentials.create();
    }
    return TlsServerCredentials.create(
        readable(tls.certificate).toFile(), readable(tls.key).toFile());
  }

  private Path readable(Path file) {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw usage("file '" + file + "', expected one that can be read");
    }
    return file;
  }

  private ParameterException usage(String message) {
    return new ParameterException(commandLine(), message);
  }

  private CommandLine commandLine() {
    return java.util.Objects.requireNonNull(spec).commandLine();
  }

  private PrintWriter out() {
    return commandLine().getOut();
  }

  private PrintWriter err() {
    return commandLine().getErr();
  }
}
