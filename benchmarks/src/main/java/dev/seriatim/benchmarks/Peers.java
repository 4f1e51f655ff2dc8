package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.CounterGrpc;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The same counter in Seriatim and in its peers, by calls in flight. */
final class Peers implements Group {
  private static final String MEMORY = "counter, direct call";
  private static final String DURABLE = "durable counter, direct call";

  private static final List<PeerLoad> PEER_LOADS =
      List.of(
          new PeerLoad("workerd, from outside", MEMORY, "workerd", "outside"),
          new PeerLoad("workerd, from inside", MEMORY, "workerd", "inside"),
          new PeerLoad("workerd, durable, from outside", DURABLE, "workerd", "durable-outside"),
          new PeerLoad("workerd, durable, from inside", DURABLE, "workerd", "durable-inside"),
          new PeerLoad("Pekko, ask", MEMORY, "pekko", "ask"),
          new PeerLoad("Pekko, tell", MEMORY, "pekko", "tell"));

  /** In a quick run, too: Pekko needs it until it is compiled. */
  private static final Duration WARM_UP = Duration.ofSeconds(4);

  private static final String SCRIPT = "peer";

  private final Set<String> names;
  private final List<PeerLoad> peerLoads;

  /**
   * A load of a peer.
   *
   * @param ours the load of Seriatim that is held against it
   * @param load what the peer itself calls it
   */
  private record PeerLoad(String name, String ours, String peer, String load) {}

  Peers(Set<String> names) {
    this.names = names;
    peerLoads = PEER_LOADS.stream().filter(load -> names.contains(load.peer())).toList();
  }

  @Override
  public String name() {
    return "peers";
  }

  @Override
  public boolean prepare(Results results) throws IOException, InterruptedException {
    for (String peer : names) {
      if (!LoadProcess.install(SCRIPT, peer)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Map<String, Runner> loads = start(bench);
    for (var load : loads.entrySet()) {
      bench.progress("warming up: " + load.getKey());
      for (int inFlight : new int[] {4096, 1}) {
        load.getValue().run(inFlight, Duration.ZERO, WARM_UP);
      }
    }
    Curves rates = bench.results().peers();
    Map<String, Latency> latencies = new HashMap<>();
    for (int round = 0; round < bench.rounds(); round++) {
      for (int inFlight : bench.inFlight(1, 16, 256, 4096)) {
        for (var load : loads.entrySet()) {
          Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
          rates.at(load.getKey(), inFlight).add(run.rate());
          if (run.isTimed()) {
            latencies.computeIfAbsent(load.getKey(), name -> new Latency()).add(run);
          }
        }
      }
    }
    for (PeerLoad load : peerLoads) {
      for (int inFlight : new int[] {4096, 256, 16}) {
        rates.beside(load.name(), load.ours(), inFlight).ifPresent(bench.results()::add);
      }
      oneAtATime(load, rates, latencies).ifPresent(bench.results()::add);
    }
  }

  /** Starts the peers. Every load of theirs stands behind the one of Seriatim's. */
  private Map<String, Runner> start(Bench bench) throws IOException {
    Map<String, LoadProcess> peers = new HashMap<>();
    Map<String, Runner> loads = new LinkedHashMap<>();
    for (PeerLoad load : peerLoads) {
      LoadProcess peer = peers.get(load.peer());
      if (peer == null) {
        bench.progress("starting " + load.peer());
        peer = LoadProcess.start(bench.scratch(), SCRIPT, load.peer());
        peers.put(load.peer(), peer);
      }
      loads.computeIfAbsent(load.ours(), name -> ours(bench.host(), name));
      loads.put(load.name(), peer.load(load.load()));
    }
    return loads;
  }

  private static Runner ours(HostProcess host, String name) {
    return Runner.of(
        name.equals(DURABLE)
            ? StubLoads.count(host.durablePort(), CounterGrpc.getAddStoredMethod())
            : StubLoads.count(host.memoryPort(), CounterGrpc.getAddMethod()));
  }

  /** In µs; or in calls per second, where the peer's calls can't be timed one by one. */
  private static Optional<Figure> oneAtATime(
      PeerLoad load, Curves rates, Map<String, Latency> latencies) {
    Latency ours = latencies.get(load.ours());
    Latency theirs = latencies.get(load.name());
    if (ours == null || theirs == null) {
      return rates.beside(load.name(), load.ours(), 1);
    }
    String figure = load.ours() + ", one at a time, p50";
    return Optional.of(Figure.of(figure, ours.p50(), "µs", load.name(), theirs.p50()));
  }
}
