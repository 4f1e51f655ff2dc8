package dev.seriatim.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One run of the benchmarks: who is called, for how long and how often, and what came of it. */
final class Bench {
  private final Scratch scratch;
  private final HostProcess host;
  private final Results results;
  private final boolean quick;
  private final int rounds;
  private final Set<Integer> wantedInFlight;
  private final @Nullable Path profile;

  /**
   * A run.
   *
   * @param rounds how often everything is measured; 0 for as often as is usual
   * @param profile where processes of groups record themselves; null if they don't
   * @param inFlight the only numbers of calls in flight to measure; all of them, if it is empty
   */
  Bench(
      Scratch scratch,
      HostProcess host,
      Results results,
      boolean quick,
      int rounds,
      Set<Integer> inFlight,
      @Nullable Path profile) {
    this.scratch = scratch;
    this.host = host;
    this.results = results;
    this.quick = quick;
    this.rounds = rounds;
    this.wantedInFlight = inFlight;
    this.profile = profile;
  }

  /** The JVM's options for a process of hosts that a group starts, which has this name. */
  List<String> hostOptions(String name) throws IOException {
    return profile == null ? List.of() : Profile.hostOptions(profile, name);
  }

  Scratch scratch() {
    return scratch;
  }

  HostProcess host() {
    return host;
  }

  Results results() {
    return results;
  }

  int rounds() {
    return rounds > 0 ? rounds : quick ? 2 : 5;
  }

  /** How often a connection is cut, or made, in a round. */
  int cuts() {
    return quick ? 40 : 100;
  }

  /** How long a load is measured in a round. */
  Duration time() {
    return quick ? Duration.ofMillis(400) : Duration.ofSeconds(1);
  }

  /** How long a load runs before that. */
  private Duration shortWarmUp() {
    return quick ? Duration.ofMillis(150) : Duration.ofMillis(400);
  }

  /** How many rounds there are of loads that differ by little. */
  int shortRounds() {
    return quick ? 8 : 30;
  }

  /** How long a load is measured in one of those. */
  private Duration shortTime() {
    return quick ? Duration.ofMillis(200) : Duration.ofMillis(400);
  }

  /** How long a load runs until it is compiled, before its first round. */
  Duration firstWarmUp() {
    return quick ? Duration.ofMillis(800) : Duration.ofSeconds(4);
  }

  /** Runs a load until it is compiled. */
  void warmUp(Load.Opener opener) throws Exception {
    for (int inFlight : new int[] {4096, 1}) {
      ClosedLoop.run(opener, inFlight, Duration.ZERO, firstWarmUp());
    }
  }

  String how() throws IOException {
    return "%d rounds of %s s, with and without something %d of %s s%s; SQLite on %s"
        .formatted(
            rounds(),
            time().toMillis() / 1000.0,
            shortRounds(),
            shortTime().toMillis() / 1000.0,
            quick ? " (--quick)" : "",
            scratch.fileSystem());
  }

  /** Those of these numbers of calls in flight that are asked for. */
  int[] inFlight(int... numbers) {
    return Arrays.stream(numbers)
        .filter(number -> wantedInFlight.isEmpty() || wantedInFlight.contains(number))
        .toArray();
  }

  /** Runs a load for one round, and shows that it does. */
  Run run(int round, String load, Load.Opener opener, int inFlight) throws Exception {
    return run(round, load, Runner.of(opener), inFlight);
  }

  Run run(int round, String load, Runner runner, int inFlight) throws Exception {
    progress(round, "%s, %,d in flight".formatted(load, inFlight));
    return runner.run(inFlight, shortWarmUp(), time());
  }

  /** Runs a load for one of the many short rounds of {@link Twins}. */
  Run runShortly(int round, String load, Load.Opener opener, int inFlight) throws Exception {
    progress(
        "short round %d of %d: %s, %,d in flight"
            .formatted(round + 1, shortRounds(), load, inFlight));
    return ClosedLoop.run(opener, inFlight, shortWarmUp(), shortTime());
  }

  /** Says what is measured now, in a round that is counted from 0. */
  void progress(int round, String what) {
    progress("round %d of %d: %s".formatted(round + 1, rounds(), what));
  }

  void progress(String what) {
    System.err.println("bench: " + what);
  }
}
