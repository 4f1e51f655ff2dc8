package dev.seriatim.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Calls from the other languages: through a stub and on a bare stream of the same language, and
 * through many, on calls of their own and on a shared call.
 */
final class Languages implements Group {
  private static final String SCRIPT = "caller";
  private static final int MANY_IN_FLIGHT = 256;

  private final List<Language> languages = new ArrayList<>();

  /**
   * A language.
   *
   * @param caller what its script calls it
   */
  private record Language(String name, String caller) {
    String stream() {
      return "bare stream in " + name;
    }

    String streams() {
      return "1,000 bare streams in " + name;
    }

    String unary() {
      return "bare unary calls in " + name;
    }

    String objects() {
      return name + ", 1,000 objects";
    }

    String objectsOnLanes() {
      return objects() + " on a shared call";
    }

    String stubForEachCall() {
      return name + ", a stub for each call";
    }

    String laneForEachCall() {
      return stubForEachCall() + " on a shared call";
    }

    /** What the caller calls them, by what they are called here. */
    Map<String, String> manyLoads() {
      Map<String, String> loads = new LinkedHashMap<>();
      loads.put(streams(), "streams");
      loads.put(objects(), "stubs");
      loads.put(objectsOnLanes(), "lanes");
      loads.put(unary(), "unary");
      loads.put(stubForEachCall(), "each");
      loads.put(laneForEachCall(), "each-lane");
      return loads;
    }
  }

  @Override
  public String name() {
    return "languages";
  }

  /** Those that can't be prepared are left out, most likely since they aren't installed. */
  @Override
  public boolean prepare(Results results) throws IOException, InterruptedException {
    for (Language language :
        List.of(
            new Language("Go", "go"),
            new Language("Python", "python"),
            new Language("TypeScript", "typescript"))) {
      if (LoadProcess.install(SCRIPT, language.caller())) {
        languages.add(language);
      } else {
        results.leaveOut(language.name());
      }
    }
    return true;
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Map<String, Runner> many = new LinkedHashMap<>();
    Map<String, Runner> loads = start(bench, many);
    Curves rates = new Curves();
    Map<String, Latency> latencies = new LinkedHashMap<>();
    for (int round = 0; round < bench.rounds(); round++) {
      for (int inFlight : bench.inFlight(1, MANY_IN_FLIGHT)) {
        for (var load : loads.entrySet()) {
          Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
          rates.at(load.getKey(), inFlight).add(run.rate());
          if (run.isTimed()) {
            latencies.computeIfAbsent(load.getKey(), name -> new Latency()).add(run);
          }
        }
      }
      for (int inFlight : bench.inFlight(MANY_IN_FLIGHT)) {
        for (var load : many.entrySet()) {
          Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
          rates.at(load.getKey(), inFlight).add(run.rate());
        }
      }
    }
    for (Language language : languages) {
      String stub = language.name();
      String stream = language.stream();
      Latency ours = latencies.get(stub);
      Latency bare = latencies.get(stream);
      if (ours != null && bare != null) {
        String figure = stub + ", one at a time, p50";
        bench.results().add(Figure.of(figure, ours.p50(), "µs", stream, bare.p50()));
      }
      rates.beside(stream, stub, MANY_IN_FLIGHT).ifPresent(bench.results()::add);
      addMany(language, rates, bench.results());
    }
  }

  private static void addMany(Language language, Curves rates, Results results) {
    String streams = language.streams();
    String unary = language.unary();
    rates
        .beside(streams, language.objectsOnLanes(), MANY_IN_FLIGHT)
        .map(figure -> figure.atLeast(3))
        .ifPresent(results::add);
    rates.beside(streams, language.objects(), MANY_IN_FLIGHT).ifPresent(results::add);
    rates.beside(unary, language.laneForEachCall(), MANY_IN_FLIGHT).ifPresent(results::add);
    rates.beside(unary, language.stubForEachCall(), MANY_IN_FLIGHT).ifPresent(results::add);
  }

  /**
   * Starts a caller in each language, and warms it up.
   *
   * @param many where the loads with many stubs or streams are put, too
   */
  private Map<String, Runner> start(Bench bench, Map<String, Runner> many) throws Exception {
    String bare = "127.0.0.1:" + bench.host().barePort();
    String host = "127.0.0.1:" + bench.host().memoryPort();
    Map<String, Runner> loads = new LinkedHashMap<>();
    for (Language language : languages) {
      bench.progress("starting a caller in " + language.name());
      LoadProcess caller =
          LoadProcess.start(bench.scratch(), SCRIPT, language.caller(), bare, host);
      loads.put(language.stream(), caller.load("stream"));
      loads.put(language.name(), caller.load("stub"));
      language.manyLoads().forEach((name, load) -> many.put(name, caller.load(load)));
    }
    for (Map<String, Runner> all : List.of(loads, many)) {
      for (Runner load : all.values()) {
        load.run(MANY_IN_FLIGHT, Duration.ZERO, bench.firstWarmUp());
      }
    }
    return loads;
  }
}
