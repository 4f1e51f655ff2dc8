package dev.seriatim.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * Calls per second of several loads, each at several numbers: of calls in flight, or of objects.
 */
final class Curves {
  private final Map<String, Map<Integer, Rounds>> curves = new LinkedHashMap<>();

  /** The rounds of a load at a number; empty ones if nothing was measured there yet. */
  Rounds at(String load, int number) {
    return curves
        .computeIfAbsent(load, key -> new TreeMap<>())
        .computeIfAbsent(number, key -> new Rounds());
  }

  /** A load beside a reference at a number of calls in flight, if both were measured there. */
  Optional<Figure> beside(String reference, String load, int inFlight) {
    if (!has(load, inFlight) || !has(reference, inFlight)) {
      return Optional.empty();
    }
    return Optional.of(
        Figure.of(
            "%s, %,d in flight".formatted(load, inFlight),
            at(load, inFlight),
            "calls/s",
            reference,
            at(reference, inFlight)));
  }

  private boolean has(String load, int number) {
    return curves.getOrDefault(load, Map.of()).containsKey(number);
  }

  boolean isEmpty() {
    return curves.isEmpty();
  }

  void forEach(BiConsumer<String, Map<Integer, Rounds>> curve) {
    curves.forEach(curve);
  }
}
