package dev.seriatim.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Calls from the other languages, through a stub and on a bare stream of the same language. */
final class Languages implements Group {
  private static final String SCRIPT = "caller";

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
    Map<String, Runner> loads = start(bench);
    Curves rates = new Curves();
    Map<String, Latency> latencies = new LinkedHashMap<>();
    for (int round = 0; round < bench.rounds(); round++) {
      for (int inFlight : bench.inFlight(1, 256)) {
        for (var load : loads.entrySet()) {
          Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
          rates.at(load.getKey(), inFlight).add(run.rate());
          if (run.isTimed()) {
            latencies.computeIfAbsent(load.getKey(), name -> new Latency()).add(run);
          }
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
      rates.beside(stream, stub, 256).ifPresent(bench.results()::add);
    }
  }

  /** Starts a caller in each language, and warms it up. */
  private Map<String, Runner> start(Bench bench) throws Exception {
    String bare = "127.0.0.1:" + bench.host().barePort();
    String host = "127.0.0.1:" + bench.host().memoryPort();
    Map<String, Runner> loads = new LinkedHashMap<>();
    for (Language language : languages) {
      bench.progress("starting a caller in " + language.name());
      LoadProcess caller =
          LoadProcess.start(bench.scratch(), SCRIPT, language.caller(), bare, host);
      loads.put(language.stream(), caller.load("stream"));
      loads.put(language.name(), caller.load("stub"));
    }
    for (Runner load : loads.values()) {
      load.run(256, Duration.ZERO, bench.firstWarmUp());
    }
    return loads;
  }
}
