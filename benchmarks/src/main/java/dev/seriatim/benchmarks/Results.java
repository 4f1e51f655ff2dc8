package dev.seriatim.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What comes of a run: the lines of the table, and what is plotted. */
final class Results {
  private final List<Figure> figures = new ArrayList<>();
  private final Curves throughput = new Curves();
  private final Curves byObjects = new Curves();
  private final Curves peers = new Curves();
  private final Map<String, Latency> latencies = new LinkedHashMap<>();
  private final List<String> leftOut = new ArrayList<>();

  void add(Figure figure) {
    figures.add(figure);
  }

  List<Figure> figures() {
    return List.copyOf(figures);
  }

  /** This can't be measured here. */
  void leaveOut(String what) {
    leftOut.add(what);
  }

  List<String> leftOut() {
    return List.copyOf(leftOut);
  }

  /** Calls per second by calls in flight. */
  Curves throughput() {
    return throughput;
  }

  /** Calls per second by number of objects. */
  Curves byObjects() {
    return byObjects;
  }

  /** Calls per second by calls in flight, of the counter that the peers have, too. */
  Curves peers() {
    return peers;
  }

  /** By load. */
  Map<String, Latency> latencies() {
    return latencies;
  }

  Latency latency(String load) {
    return latencies.computeIfAbsent(load, key -> new Latency());
  }
}
