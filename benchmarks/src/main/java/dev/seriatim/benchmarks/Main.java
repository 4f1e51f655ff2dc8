package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the benchmarks. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description =
        "Measures Seriatim beside bare gRPC streams, bare unary calls and bare SQLite, in turn, in"
            + " two processes on loopback.")
public final class Main implements Callable<Integer> {
  private static final int[] IN_FLIGHT = {1, 16, 256, 4096};
  private static final int SMALL = 32;
  private static final int IDLE = 10_000;

  @Option(names = "--quick", description = "Ends within two minutes; the figures are rougher.")
  private boolean quick;

  @Option(names = "--json", paramLabel = "FILE", description = "Also writes the figures as JSON.")
  private @Nullable Path json;

  @Option(
      names = "--results",
      paramLabel = "DIR",
      description = "Also writes the table and the plots into this directory.")
  private @Nullable Path results;

  private final List<Figure> figures = new ArrayList<>();
  private final Map<String, Map<Integer, Rounds>> throughput = new LinkedHashMap<>();
  private final Map<String, ClosedLoop.Run> latencies = new LinkedHashMap<>();
  private final Map<String, Map<Integer, Rounds>> byObjects = new LinkedHashMap<>();

  private Main() {}

  /** Runs the benchmarks; exits with 0, whether or not the targets are met. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }

  @Override
  public Integer call() throws Exception {
    Path data = Files.createTempDirectory("seriatim-bench");
    try (HostProcess host = HostProcess.start(data);
        SqliteReference sqlite = new SqliteReference(data)) {
      progress("warming both processes up");
      warmUp(host);
      Map<String, Map<Integer, Rounds>> latency = inMemory(host);
      durable(host, sqlite, latency);
      manyObjects(host);
      payloads(host);
      heap(host);
    }
    startUp();
    System.out.println();
    System.out.print(Report.markdown(figures, how()));
    if (json != null) {
      Files.writeString(json, Report.json(figures));
    }
    if (results != null) {
      Report.write(results, figures, how(), throughput, latencies, byObjects);
    }
    return 0;
  }

  private String how() {
    return "%d rounds of %s s%s"
        .formatted(rounds(), time().toMillis() / 1000.0, quick ? " (--quick)" : "");
  }

  private int rounds() {
    return quick ? 2 : 5;
  }

  private Duration time() {
    return quick ? Duration.ofMillis(500) : Duration.ofSeconds(2);
  }

  private Duration warmUpTime() {
    return quick ? Duration.ofMillis(200) : Duration.ofMillis(500);
  }

  private void warmUp(HostProcess host) throws Exception {
    Duration long_ = quick ? Duration.ofSeconds(1) : Duration.ofSeconds(4);
    for (Load.Opener opener : memoryLoads(host, SMALL).values()) {
      for (int inFlight : new int[] {4096, 1}) {
        ClosedLoop.run(opener, inFlight, Duration.ZERO, long_);
      }
    }
  }

  private static Map<String, Load.Opener> memoryLoads(HostProcess host, int bytes) {
    Map<String, Load.Opener> loads = new LinkedHashMap<>();
    loads.put("bare stream", Loads.bareStream(host.barePort(), bytes));
    loads.put("bare unary", Loads.bareUnary(host.barePort(), bytes));
    loads.put(
        "Seriatim, direct call",
        Loads.direct(host.memoryPort(), BenchGrpc.getEchoMethod(), bytes, 1));
    loads.put("Seriatim, future stub", Loads.future(host.memoryPort(), false, bytes));
    return loads;
  }

  /** Every load at every number of calls in flight, one after the other, round after round. */
  private Map<String, Map<Integer, Rounds>> inMemory(HostProcess host) throws Exception {
    Map<String, Map<Integer, Rounds>> p50 = new LinkedHashMap<>();
    Map<String, Map<Integer, Rounds>> p99 = new LinkedHashMap<>();
    for (int round = 0; round < rounds(); round++) {
      for (int inFlight : IN_FLIGHT) {
        for (Map.Entry<String, Load.Opener> load : memoryLoads(host, SMALL).entrySet()) {
          progress(
              "round %d of %d: %s, %d in flight"
                  .formatted(round + 1, rounds(), load.getKey(), inFlight));
          ClosedLoop.Run run = ClosedLoop.run(load.getValue(), inFlight, warmUpTime(), time());
          at(throughput, load.getKey(), inFlight).set(round, run.rate());
          if (inFlight == 1) {
            at(p50, load.getKey(), 1).set(round, run.micros(0.5));
            at(p99, load.getKey(), 1).set(round, run.micros(0.99));
            latencies.put(load.getKey(), run);
          }
        }
      }
    }
    for (String ours : List.of("Seriatim, direct call", "Seriatim, future stub")) {
      boolean direct = ours.endsWith("direct call");
      ratio(ours, throughput, 4096, "bare stream", direct ? 2.5 : 2);
      ratio(ours, throughput, 4096, "bare unary", direct ? 15 : 0);
      ratio(ours, throughput, 256, "bare stream", direct ? 1.2 : 0);
      ratio(ours, throughput, 16, "bare stream", 0);
      atMost(
          ours + ", one at a time, p50",
          at(p50, ours, 1),
          at(p50, "bare stream", 1),
          direct ? 1.15 : 0);
      atMost(
          ours + ", one at a time, p99",
          at(p99, ours, 1),
          at(p99, "bare stream", 1),
          direct ? 1.3 : 0);
    }
    return p50;
  }

  private void durable(
      HostProcess host, SqliteReference sqlite, Map<String, Map<Integer, Rounds>> latency)
      throws Exception {
    Map<String, Load.Opener> loads = new LinkedHashMap<>();
    loads.put(
        "durable, direct call",
        Loads.direct(host.durablePort(), BenchGrpc.getIncrementMethod(), SMALL, 1));
    loads.put("durable, future stub", Loads.future(host.durablePort(), true, SMALL));
    Map<String, Map<Integer, Rounds>> p50 = new LinkedHashMap<>();
    Rounds commitMicros = new Rounds(rounds());
    for (int round = 0; round < rounds(); round++) {
      for (int inFlight : IN_FLIGHT) {
        progress("round %d of %d: SQLite, groups of %d".formatted(round + 1, rounds(), inFlight));
        double rows = sqlite.rate(inFlight, time());
        at(throughput, "bare SQLite", inFlight).set(round, rows);
        if (inFlight == 1) {
          commitMicros.set(round, 1e6 / rows);
        }
        for (Map.Entry<String, Load.Opener> load : loads.entrySet()) {
          progress(
              "round %d of %d: %s, %d in flight"
                  .formatted(round + 1, rounds(), load.getKey(), inFlight));
          ClosedLoop.Run run = ClosedLoop.run(load.getValue(), inFlight, warmUpTime(), time());
          at(throughput, load.getKey(), inFlight).set(round, run.rate());
          if (inFlight == 1) {
            at(p50, load.getKey(), 1).set(round, run.micros(0.5));
          }
        }
      }
    }
    ratio("durable, direct call", throughput, 4096, "bare SQLite", 0.5);
    ratio("durable, future stub", throughput, 4096, "bare SQLite", 0);
    ratio("durable, direct call", throughput, 256, "bare SQLite", 0);
    Rounds stream = at(latency, "bare stream", 1);
    Rounds ideal = new Rounds(rounds());
    for (int round = 0; round < rounds(); round++) {
      ideal.set(round, stream.median() + commitMicros.median());
    }
    Figure figure =
        figure(
            "durable, direct call, one at a time, p50",
            at(p50, "durable, direct call", 1),
            "µs",
            "bare stream + one SQLite commit",
            ideal);
    figures.add(withTarget(figure, "at most 1.2 ×", figure.ratio() <= 1.2));
  }

  private void manyObjects(HostProcess host) throws Exception {
    Map<Integer, Rounds> streams = new LinkedHashMap<>();
    for (int inFlight : new int[] {16, 10_000}) {
      Map<Integer, Rounds> rates = new LinkedHashMap<>();
      byObjects.put("%,d in flight".formatted(inFlight), rates);
      for (int round = 0; round < rounds(); round++) {
        for (int objects : new int[] {1, 100, 10_000}) {
          progress(
              "round %d of %d: %,d objects, %,d in flight"
                  .formatted(round + 1, rounds(), objects, inFlight));
          ClosedLoop.Run run =
              ClosedLoop.run(
                  Loads.direct(host.memoryPort(), BenchGrpc.getEchoMethod(), SMALL, objects),
                  inFlight,
                  warmUpTime(),
                  time());
          rounds(rates, objects).set(round, run.rate());
        }
        progress(
            "round %d of %d: 10,000 bare streams, %,d in flight"
                .formatted(round + 1, rounds(), inFlight));
        rounds(streams, inFlight)
            .set(
                round,
                ClosedLoop.run(
                        Loads.bareStreams(host.barePort(), SMALL, 10_000),
                        inFlight,
                        warmUpTime(),
                        time())
                    .rate());
      }
      figures.add(
          figure(
              "10,000 objects, %,d in flight".formatted(inFlight),
              rounds(rates, 10_000),
              "calls/s",
              "10,000 bare streams",
              rounds(streams, inFlight)));
      for (int objects : new int[] {100, 10_000}) {
        Figure figure =
            figure(
                "%,d objects, %,d in flight".formatted(objects, inFlight),
                rounds(rates, objects),
                "calls/s",
                "1 object",
                rounds(rates, 1));
        figures.add(withTarget(figure, "at least 0.8 ×", figure.ratio() >= 0.8));
      }
    }
  }

  private void payloads(HostProcess host) throws Exception {
    for (int bytes : new int[] {1 << 10, 64 << 10}) {
      Map<String, Map<Integer, Rounds>> rates = new LinkedHashMap<>();
      for (int round = 0; round < rounds(); round++) {
        for (Map.Entry<String, Load.Opener> load : memoryLoads(host, bytes).entrySet()) {
          progress(
              "round %d of %d: %s, payload of %d bytes"
                  .formatted(round + 1, rounds(), load.getKey(), bytes));
          at(rates, load.getKey(), 256)
              .set(round, ClosedLoop.run(load.getValue(), 256, warmUpTime(), time()).rate());
        }
      }
      String name = "Seriatim, direct call";
      Figure figure =
          figure(
              "%s, %,d bytes, 256 in flight".formatted(name, bytes),
              at(rates, name, 256),
              "calls/s",
              "bare stream",
              at(rates, "bare stream", 256));
      figures.add(figure);
    }
  }

  /** What idle streams, stubs and objects hold on the host's side. */
  private void heap(HostProcess host) throws Exception {
    progress("heap of %d idle streams, stubs and objects".formatted(IDLE));
    ManagedChannel control = Loads.connect(host.barePort());
    BareGrpc.BareBlockingStub bare = BareGrpc.newBlockingStub(control);
    try {
      double stream = perOne(bare, () -> idleStreams(host));
      double stub = perOne(bare, () -> idleStubs(host, "a", false));
      double both = perOne(bare, () -> idleStubs(host, "b", true));
      figures.add(
          new Figure(
              "idle stub's heap on the host",
              stub,
              stub,
              stub,
              "bytes",
              "idle bare stream",
              stream,
              stub / stream,
              "at most 1.5 ×",
              stub <= 1.5 * stream));
      double object = both - stub;
      figures.add(
          new Figure(
              "idle object's heap",
              object,
              object,
              object,
              "bytes",
              "",
              0,
              0,
              "at most 1,024 bytes",
              object <= 1024));
    } finally {
      control.shutdownNow();
    }
  }

  private interface Opening {
    /** Opens something {@link #IDLE} times, and gives back how to close it all. */
    Runnable open() throws Exception;
  }

  private static double perOne(BareGrpc.BareBlockingStub bare, Opening opening) throws Exception {
    long before = settledHeap(bare);
    Runnable close = opening.open();
    long after = settledHeap(bare);
    close.run();
    return (after - before) / (double) IDLE;
  }

  /** The host's heap when it has finished with what was before: when two readings agree. */
  private static long settledHeap(BareGrpc.BareBlockingStub bare) throws InterruptedException {
    long last = Long.MAX_VALUE;
    for (int i = 0; i < 20; i++) {
      long now = bare.usedHeap(Payload.getDefaultInstance()).getBytes();
      if (Math.abs(now - last) < IDLE) {
        return now;
      }
      last = now;
      Thread.sleep(500);
    }
    return last;
  }

  private static Runnable idleStreams(HostProcess host) throws Exception {
    ManagedChannel channel = Loads.connect(host.barePort());
    Semaphore answered = new Semaphore(0);
    for (int i = 0; i < IDLE; i++) {
      ClientCall<Payload, Payload> call =
          channel.newCall(BareGrpc.getStreamMethod(), CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onMessage(Payload message) {
              answered.release();
            }
          },
          new Metadata());
      call.request(1);
      call.sendMessage(Loads.payload(SMALL));
    }
    answered.acquire(IDLE);
    return channel::shutdownNow;
  }

  /** Stubs on one object, or on an object each; each stub has made one call. */
  private static Runnable idleStubs(HostProcess host, String name, boolean each) throws Exception {
    ManagedChannel channel = Loads.connect(host.memoryPort());
    CountDownLatch answered = new CountDownLatch(IDLE);
    var namespace = dev.seriatim.stub.DurableObjects.on(channel).namespace(BenchObject.NAMESPACE);
    for (int i = 0; i < IDLE; i++) {
      DurableObjectStub stub = namespace.getByName(each ? "idle-" + name + i : "idle-" + name);
      stub.call(BenchGrpc.getEchoMethod(), Loads.payload(SMALL))
          .addListener(answered::countDown, Runnable::run);
    }
    answered.await();
    return channel::shutdownNow;
  }

  /** From the start of the process to the first answer. */
  private void startUp() throws Exception {
    Rounds millis = new Rounds(rounds());
    for (int round = 0; round < rounds(); round++) {
      progress("start-up %d of %d".formatted(round + 1, rounds()));
      long start = System.nanoTime();
      try (HostProcess host = HostProcess.start(Files.createTempDirectory("seriatim-bench"))) {
        ManagedChannel channel = Loads.connect(host.memoryPort());
        Loads.stubs(channel, 1)
            .getFirst()
            .call(BenchGrpc.getEchoMethod(), Loads.payload(SMALL))
            .get();
        millis.set(round, (System.nanoTime() - start) / 1e6);
        channel.shutdownNow();
      }
    }
    figures.add(
        new Figure(
            "start-up to the first answer",
            millis.median(),
            millis.low(),
            millis.high(),
            "ms",
            "",
            0,
            0,
            "",
            true));
  }

  private void ratio(
      String ours,
      Map<String, Map<Integer, Rounds>> rates,
      int inFlight,
      String reference,
      double target) {
    Figure figure =
        figure(
            "%s, %,d in flight".formatted(ours, inFlight),
            at(rates, ours, inFlight),
            "calls/s",
            reference,
            at(rates, reference, inFlight));
    figures.add(
        target == 0
            ? figure
            : withTarget(figure, "at least %s ×".formatted(target), figure.ratio() >= target));
  }

  private void atMost(String name, Rounds ours, Rounds reference, double target) {
    Figure figure = figure(name, ours, "µs", "bare stream", reference);
    figures.add(
        target == 0
            ? figure
            : withTarget(figure, "at most %s ×".formatted(target), figure.ratio() <= target));
  }

  private static Figure figure(
      String name, Rounds ours, String unit, String reference, Rounds referenceRounds) {
    return new Figure(
        name,
        ours.median(),
        ours.low(),
        ours.high(),
        unit,
        reference,
        referenceRounds.median(),
        ours.ratioTo(referenceRounds),
        "",
        true);
  }

  private static Figure withTarget(Figure figure, String target, boolean met) {
    return new Figure(
        figure.figure(),
        figure.value(),
        figure.low(),
        figure.high(),
        figure.unit(),
        figure.reference(),
        figure.referenceValue(),
        figure.ratio(),
        target,
        met);
  }

  private Rounds at(Map<String, Map<Integer, Rounds>> table, String name, int inFlight) {
    return table
        .computeIfAbsent(name, key -> new LinkedHashMap<>())
        .computeIfAbsent(inFlight, key -> new Rounds(rounds()));
  }

  private Rounds rounds(Map<Integer, Rounds> table, int key) {
    return table.computeIfAbsent(key, n -> new Rounds(rounds()));
  }

  private static void progress(String what) throws IOException {
    System.err.println("bench: " + what);
  }
}
