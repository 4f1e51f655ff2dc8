package dev.seriatim.conformance.client;

import dev.seriatim.conformance.BytesMarshaller;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DescribeScript;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.HostOpened;
import dev.seriatim.conformance.v1.HostRoute;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.conformance.v1.SharedCallScript;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Route;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A host on loopback that plays the scripts of one case, once. Fields without another word are
 * guarded by {@code this}.
 */
final class ScriptedHost implements AutoCloseable {
  // It warns of streams that were cut off, as many are here. Held, since loggers are collected.
  private static final Logger TRANSPORT =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler");

  static {
    TRANSPORT.setLevel(Level.OFF);
  }

  private static final int LARGEST_FRAME = 64 << 20;

  private final ClientCase testCase;
  private final Scripts scripts; // Safe for any thread.
  private final Relay relay; // Safe for any thread.
  private final @Nullable Server second; // If the case has a second host.
  private final @Nullable Relay secondRelay;

  /** Has a port on which nobody listens, and which nobody else gets. */
  private final Socket nobody = new Socket();

  private final List<Server> servers = new ArrayList<>(); // The last one takes new connections.
  private final List<HostCall> calls = new ArrayList<>();
  private final List<HostManyCall> sharedCalls = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Set<String> signals = new HashSet<>();
  private int described;
  private boolean callerDone;

  /**
   * Starts it.
   *
   * @param expectedOpens what the client must open its stubs' calls with, in their order
   */
  ScriptedHost(ClientCase testCase, List<Open> expectedOpens) throws IOException {
    this.testCase = testCase;
    this.scripts = new Scripts(testCase, expectedOpens);
    servers.add(startServer());
    relay = new Relay(servers.get(0).getPort());
    second = hasSecondHost(testCase) ? startServer() : null;
    secondRelay = second == null ? null : new Relay(second.getPort());
    nobody.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    if (testCase.getNobodySpeaks()) {
      relay.silence();
    }
  }

  private static boolean hasSecondHost(ClientCase testCase) {
    return testCase.getHostList().stream()
        .anyMatch(
            script ->
                script.getSecondHost()
                    || script.getStepsList().stream()
                        .anyMatch(step -> step.getOpened().hasRoute()));
  }

  private Server startServer() throws IOException {
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(service())
            .directExecutor() // So that the frames of a connection are seen in the order in which
            // they came.
            .maxInboundMessageSize(LARGEST_FRAME)
            .permitKeepAliveWithoutCalls(true)
            .permitKeepAliveTime(1, TimeUnit.SECONDS);
    if (testCase.getCallsPerConnection() > 0) {
      builder.maxConcurrentCallsPerConnection(testCase.getCallsPerConnection());
    }
    return builder.build().start();
  }

  /** Where it listens. */
  String target() {
    return address(testCase.getNobodyListens() ? nobody.getLocalPort() : relay.port());
  }

  private static String address(int port) {
    return "127.0.0.1:" + port;
  }

  /** Whether a call was made to the second host. */
  boolean isSecond(ServerCall<?, ?> call) {
    return second != null
        && call.getAttributes().get(Grpc.TRANSPORT_ATTR_LOCAL_ADDR) instanceof InetSocketAddress at
        && at.getPort() == second.getPort();
  }

  /** What is said of where the object is; null if nothing. */
  @Nullable Route route(HostOpened opened) {
    if (!opened.hasRoute() || secondRelay == null) {
      return null;
    }
    HostRoute route = opened.getRoute();
    Route.Builder made = Route.newBuilder().setPrefixBits(route.getPrefixBits());
    if (!route.getNoAddress()) {
      int port = route.getToFirst() ? relay.port() : secondRelay.port();
      made.setAddress(address(route.getToNobody() ? nobody.getLocalPort() : port));
    }
    return made.build();
  }

  private ServerServiceDefinition service() {
    MethodDescriptor<ConnectRequest, byte[]> connect =
        DurableObjectsGrpc.getConnectMethod().toBuilder(
                DurableObjectsGrpc.getConnectMethod().getRequestMarshaller(), new BytesMarshaller())
            .build();
    MethodDescriptor<byte[], byte[]> connectMany =
        DurableObjectsGrpc.getConnectManyMethod().toBuilder(
                new BytesMarshaller(), new BytesMarshaller())
            .build();
    ServerServiceDefinition.Builder methods =
        ServerServiceDefinition.builder(DurableObjectsGrpc.SERVICE_NAME)
            .addMethod(connect, this::connect)
            .addMethod(
                DurableObjectsGrpc.getDescribeNamespaceMethod(),
                ServerCalls.asyncUnaryCall(this::asked));
    if (!testCase.getNoConnectMany()) {
      methods.addMethod(connectMany, this::connectMany);
    }
    return methods.build();
  }

  private ServerCall.Listener<ConnectRequest> connect(
      ServerCall<ConnectRequest, byte[]> call, Metadata headers) {
    OwnCall made = new OwnCall(call, headers, this);
    made.start();
    return made;
  }

  private ServerCall.Listener<byte[]> connectMany(
      ServerCall<byte[], byte[]> call, Metadata headers) {
    HostManyCall made;
    synchronized (this) {
      int before = sharedCalls.size();
      SharedCallScript script =
          before < testCase.getSharedCount()
              ? testCase.getShared(before)
              : SharedCallScript.getDefaultInstance();
      made = new HostManyCall(before + 1, script, call, headers.get(OwnCall.AUTHORIZATION), this);
      sharedCalls.add(made);
    }
    made.start();
    return made;
  }

  private void asked(
      DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> reply) {
    DescribeScript script = testCase.getDescribe();
    int count;
    synchronized (this) {
      count = ++described;
    }
    if (count == script.getTimes()) {
      signal(script.getSignal());
    }
    if (script.getAwaitSignal().isEmpty()) {
      describe(request, script, count, reply);
      return;
    }
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                awaitSignal(script.getAwaitSignal(), HostCall.PATIENCE);
              } catch (ScriptException | InterruptedException e) {
                problem("asked for the namespace: " + e.getMessage());
              }
              describe(request, script, count, reply);
            });
  }

  private static void describe(
      DescribeNamespaceRequest request,
      DescribeScript script,
      int count,
      StreamObserver<DescribeNamespaceResponse> reply) {
    if (script.getSilent()) {
      return;
    }
    if (script.hasFail() && (script.getFailures() == 0 || count <= script.getFailures())) {
      HostEnd fail = script.getFail();
      reply.onError(
          Status.fromCodeValue(fail.getCodeValue())
              .withDescription(fail.getMessage())
              .asRuntimeException());
      return;
    }
    reply.onNext(
        DescribeNamespaceResponse.newBuilder()
            .setName(script.getName().isEmpty() ? request.getName() : script.getName())
            .setUniqueKey(script.getUniqueKey())
            .setService("seriatim.conformance.v1.ClientProbe")
            .build());
    reply.onCompleted();
  }

  // ---- for the calls ---------------------------------------------------------------------------

  /** A stub's call, which is carried by this. */
  synchronized HostCall stubsCall(Link link) {
    HostCall made = new HostCall(link, testCase.getOptions(), this);
    calls.add(made);
    return made;
  }

  private synchronized void problem(String text) {
    problems.add("at the host: " + text);
  }

  /** Gives a call its part, by what it opens. */
  Scripts.Part take(Open open) {
    return scripts.take(open);
  }

  /** Whether some stub may have any number of connections. */
  boolean repeats() {
    return scripts.repeat();
  }

  /** Whether clients have to do without that method. */
  boolean hasNoConnectMany() {
    return testCase.getNoConnectMany();
  }

  /**
   * Whether any call of the case stops taking frames, which have to be asked for one by one then.
   */
  boolean stopsReading() {
    return testCase.getHostList().stream().anyMatch(HostScript::getStopsReading);
  }

  /** Cuts the connections to one of the hosts. */
  void cut(boolean atSecondHost, int afterBytes) {
    Relay before = atSecondHost && secondRelay != null ? secondRelay : relay;
    if (afterBytes > 0) {
      before.cutAfter(afterBytes);
    } else {
      before.cut();
    }
  }

  void silence() {
    relay.silence();
  }

  /** Ends connections gracefully, and takes new ones with another server. */
  synchronized void goAway() throws IOException {
    Server old = servers.get(servers.size() - 1);
    Server fresh = startServer();
    servers.add(fresh);
    relay.carryTo(fresh.getPort());
    old.shutdown();
  }

  synchronized void signal(String name) {
    signals.add(name);
    notifyAll();
  }

  void awaitSignal(String name, Duration patience) throws ScriptException, InterruptedException {
    await(name, patience);
  }

  /** Waits until the driver has answered. */
  void awaitCaller(Duration patience) throws ScriptException, InterruptedException {
    await("", patience);
  }

  private synchronized void await(String name, Duration patience)
      throws ScriptException, InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (name.isEmpty() ? !callerDone : !signals.contains(name)) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new ScriptException(
            name.isEmpty() ? "the caller was never done" : "signal '" + name + "' never came");
      }
      wait(Math.max(1, left / 1_000_000));
    }
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Says that the driver has answered, or never will. */
  synchronized void callerIsDone() {
    callerDone = true;
    notifyAll();
  }

  /** Waits for the end of all calls, and gives what was wrong with what the client sent. */
  List<String> end(Duration patience) throws InterruptedException {
    List<HostCall> made;
    List<HostManyCall> shared;
    List<String> found;
    synchronized (this) {
      made = List.copyOf(calls);
      shared = List.copyOf(sharedCalls);
      found = new ArrayList<>(problems);
      found.addAll(scripts.end());
      long needed = testCase.getHostList().stream().filter(one -> !one.getOptional()).count();
      if (made.size() < needed) {
        found.add("at the host: " + made.size() + " stub's calls were made, expected " + needed);
      }
      if (testCase.getSharedCount() > 0 && shared.size() != testCase.getSharedCount()) {
        found.add(
            "at the host: "
                + shared.size()
                + " calls of ConnectMany were made, expected "
                + testCase.getSharedCount());
      }
      if (testCase.hasDescribe() && described != testCase.getDescribe().getTimes()) {
        found.add(
            "at the host: asked "
                + described
                + " times for the namespace, expected "
                + testCase.getDescribe().getTimes());
      }
      if (!testCase.hasDescribe() && described > 0) {
        found.add("at the host: asked for the namespace, expected nothing of the kind");
      }
    }
    for (HostCall call : made) {
      found.addAll(call.end(patience));
    }
    for (HostManyCall call : shared) {
      found.addAll(call.end(patience));
    }
    return found;
  }

  @Override
  public synchronized void close() {
    relay.close();
    if (secondRelay != null) {
      secondRelay.close();
    }
    try {
      nobody.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    servers.forEach(Server::shutdownNow);
    if (second != null) {
      second.shutdownNow();
    }
  }
}
