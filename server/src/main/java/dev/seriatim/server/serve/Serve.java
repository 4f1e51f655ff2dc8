package dev.seriatim.server.serve;

import dev.seriatim.server.Version;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.InternalDurableObjectHost;
import dev.seriatim.service.Policy;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.testing.ServedHost;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code serve}: hosts the objects on its class path and in the places that it is given. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    addMethodSubcommands = false,
    description = "Serves durable objects over gRPC until it gets SIGTERM, and then drains.",
    exitCodeOnInvalidInput = 2)
public final class Serve implements Callable<Integer> {
  private static final String LOG_MANAGER = "java.util.logging.manager";

  /** How long after the drain limit the process ends, whatever still goes on. */
  static final Duration AFTER_DRAIN_LIMIT = Duration.ofSeconds(10);

  @Spec private @Nullable CommandSpec spec;

  private @Nullable Telemetry telemetry;

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
      paramLabel = "PLACE",
      description =
          "More objects, found through their DurableObjectProvider: a jar, a directory of classes,"
              + " DIR/* for all jars in it, or several of these with commas between them, which"
              + " bring what the objects need. May be repeated: each place has classes of its own.")
  private List<String> objects = new ArrayList<>();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "More options, one a line: max-stubs = 1000. Every option may also be in the environment:"
              + " SERIATIM_MAX_STUBS. The command line goes before the environment, and that before"
              + " the file; what may be repeated adds up.")
  private @Nullable Path config;

  @Option(
      names = "--no-reflection",
      description = "Don't tell clients which services there are, and their messages.")
  private boolean noReflection;

  @Option(
      names = "--no-admin",
      description =
          "Don't serve seriatim.admin.v1.Admin, by which people and their tools look into the"
              + " host.")
  private boolean noAdmin;

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

  @ArgGroup(exclusive = false, validate = false, heading = "TLS:%n")
  private TlsOptions tls = new TlsOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Callers:%n")
  private CallerOptions callers = new CallerOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "Watching:%n")
  private Watching watching = new Watching();

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

  /** Told when it serves, if the objects' code is to be replaced then; null if it isn't. */
  private final @Nullable Consumer<ServedCode> begun;

  private final Duration afterDrainLimit;

  /** Of the command line. */
  Serve() {
    this(/* begun= */ null, AFTER_DRAIN_LIMIT);
  }

  /**
   * @param afterDrainLimit how long after the drain limit the process ends, whatever still goes on
   */
  Serve(@Nullable Consumer<ServedCode> begun, Duration afterDrainLimit) {
    this.begun = begun;
    this.afterDrainLimit = afterDrainLimit;
  }

  /**
   * The subcommand; to be made before anything is logged. It ends with 0 after a drain, 1 on a
   * failure to start or a drain that didn't end, 2 on bad usage.
   */
  public static CommandLine command() {
    return command(System.getenv());
  }

  /** The subcommand in another environment than the process has. */
  public static CommandLine command(Map<String, String> environment) {
    return command(environment, new Serve());
  }

  /**
   * The same, of objects whose code is going to be replaced.
   *
   * @param begun told once, when the host serves, how to do that
   */
  public static CommandLine command(Map<String, String> environment, Consumer<ServedCode> begun) {
    return command(environment, new Serve(begun, AFTER_DRAIN_LIMIT));
  }

  /** The same of this program. */
  static CommandLine command(Map<String, String> environment, Serve program) {
    if (System.getProperty(LOG_MANAGER) == null) {
      // The class mustn't be used before, for with it the JDK makes its manager.
      System.setProperty(LOG_MANAGER, LogUntilTheEnd.class.getName());
    }
    return commandLine(program, environment).commandLine();
  }

  /** Reads a command line, the environment and a file into this program, and runs it. */
  static ServerCommand commandLine(Serve program, Map<String, String> environment) {
    return new ServerCommand(new CommandLine(program), environment);
  }

  @Override
  public Integer call() throws Exception {
    if (logLimit < 1) {
      throw usage("--log-limit: " + logLimit + ", expected at least 1");
    }
    Logs.begin(logFormat, logLimit);
    Opened opened;
    try {
      opened = open();
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
    DurableObjectHost host = opened.host();
    LogUntilTheEnd.keep();
    Thread drain = new Thread(() -> drain(opened), "seriatim-drain");
    Runtime.getRuntime().addShutdownHook(drain);
    out().println(place);
    opened.served().forEach(out()::println);
    opened.watching().tell(out());
    out().println("listening on " + listen.getHostString() + ":" + host.port());
    out().flush();
    StartRecord.log(opened.facts(), opened.limits());
    if (begun != null) {
      begun.accept(new ServedCode(host));
    }
    try {
      host.awaitServing();
    } catch (StorageException e) {
      if (!draining) {
        Runtime.getRuntime().removeShutdownHook(drain); // It would end with 0.
        err().println("can't have the store: " + e.getMessage());
        opened.close();
        return 1;
      }
    }
    host.awaitTermination();
    return 0;
  }

  /**
   * A host that has started.
   *
   * @param tls null without TLS
   * @param policy null if everyone may do everything
   * @param watching how it is watched
   * @param testing null if it isn't there for tests
   * @param served what is served, and from where: a line for each provider
   * @param facts what is logged of it
   */
  record Opened(
      DurableObjectHost host,
      ServerHealth health,
      @Nullable TlsFiles tls,
      @Nullable Policy policy,
      Watching watching,
      @Nullable ServedHost testing,
      List<String> served,
      HostLimits limits,
      Map<String, Object> facts)
      implements AutoCloseable {
    @Override
    public void close() {
      host.close();
      watching.close();
      if (testing != null) {
        testing.close();
      }
      if (tls != null) {
        tls.close();
      }
      if (policy != null) {
        policy.close();
      }
    }
  }

  /**
   * Starts the host that the options say.
   *
   * @throws ParameterException if they are none; it says what was expected
   * @throws StorageException if the store can't be opened
   * @throws IOException if it can't listen
   */
  Opened open() throws IOException {
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    ServerHealth health = new ServerHealth();
    try {
      HostLimits all = connections.applyTo(limits.toLimits().sessions(sessions.toLimits()));
      builder.limits(all);
      ServedHost testing = place.isForTests() ? forTests() : null;
      StorageOptions storage =
          testing == null ? place.toOptions(store.passwordFile()) : testing.storage();
      InternalDurableObjectHost.prepare(storage); // While the objects' classes are loaded.
      builder.storage(store.applyTo(storage));
      TlsFiles files = tls.files();
      Authenticator authenticator = callers.authenticator(tls);
      callers.checkSecure(listen, files != null, authenticator != null);
      Cluster joined =
          cluster.make(
              place.canBeShared(),
              listen,
              limits.toLimits().build(),
              files == null ? null : files.peerCredentials());
      if (joined != null) {
        builder.cluster(joined);
      }
      if (begun != null) {
        InternalDurableObjectHost.makeReplaceable(builder);
      }
      List<String> served = ObjectPlaces.addTo(builder, objects);
      builder.program(Version.number(), Version.commit());
      watching.addTo(builder, callers, Version.number(), Version.commit());
      Policy policy = callers.policy();
      if (begun != null && (policy != null || joined != null)) {
        throw usage("--policy and --cluster go by the methods that there are at the start: serve");
      }
      if (authenticator != null) {
        builder.authenticator(authenticator);
      }
      if (policy != null) {
        builder.authorizer(policy);
      }
      if (testing != null) {
        testing.addTo(builder);
      }
      telemetry = Telemetry.addTo(builder);
      if (!noAdmin) {
        builder.admin(() -> System.exit(0)); // As SIGTERM does.
      }
      builder.service(health.service());
      if (!noReflection) {
        builder.service(ProtoReflectionServiceV1.newInstance()).service(olderReflection());
      }
      DurableObjectHost host =
          builder
              .listen(
                  listen,
                  files == null
                      ? InsecureServerCredentials.create()
                      : files.serverCredentials(tls.clientAuth()))
              .build();
      health.follow(host, builder.served());
      host.start();
      if (testing != null) {
        testing.begin(host);
      }
      watching.start(host);
      if (files != null) {
        files.watch(callers.lookInterval());
      }
      return new Opened(
          host,
          health,
          files,
          policy,
          watching,
          testing,
          served,
          all,
          facts(builder, host.port(), files != null));
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
  }

  private ServedHost forTests() {
    if (!listen.getAddress().isLoopbackAddress()) {
      throw usage(
          "--test: anyone can do anything to this host, and it listens on "
              + listen.getHostString()
              + ", expected a loopback address such as 127.0.0.1");
    }
    return new ServedHost();
  }

  private Map<String, Object> facts(DurableObjectHost.Builder builder, int port, boolean secure) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("version", Version.number());
    facts.put("java", Runtime.version());
    facts.put("pid", ProcessHandle.current().pid());
    facts.put("address", listen.getHostString() + ":" + port);
    facts.put("tls", secure);
    facts.put("store", place.where());
    if (config != null) {
      facts.put("config", config);
    }
    facts.put("namespaces", String.join(" ", builder.namespaces()));
    return facts;
  }

  /** Reflection v1alpha: deprecated, and what many tools still ask for. */
  @SuppressWarnings("deprecation")
  private static BindableService olderReflection() {
    return ProtoReflectionService.newInstance();
  }

  private void drain(Opened opened) {
    DurableObjectHost host = opened.host();
    draining = true;
    LastEnd.after(
        limits.toLimits().build().drainLimit().plus(cluster.leaveLimit()).plus(afterDrainLimit),
        err());
    opened.health().end();
    out().println("draining: every stub finishes the turn that it is in, and is told");
    out().flush();
    try {
      host.drain();
    } catch (InterruptedException e) {
      host.close();
    }
    if (telemetry != null) {
      telemetry.close();
    }
    watching.close();
    ServedHost testing = opened.testing();
    if (testing != null) {
      testing.close();
    }
    out().println("drained");
    out().flush();
    Logs.end();
    // Otherwise the JVM would report the signal as its exit code, as if it had not been handled.
    Runtime.getRuntime().halt(0);
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
