package dev.seriatim.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of the benchmarks. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description =
        "Measures Seriatim beside bare gRPC streams, bare unary calls and bare SQLite, in turn, in"
            + " two processes on loopback.")
public final class Main implements Callable<Integer> {
  private static final List<Group> GROUPS =
      List.of(
          new InMemory(),
          new Durable(),
          new ManyObjects(),
          new Payloads(),
          new Heap(),
          new StartUp(),
          new Edge(),
          new Moves(),
          new Kills(),
          new Resumable(),
          new Telemetry(),
          new Callers(),
          new Languages());

  @Spec private @Nullable CommandSpec spec;

  @Option(names = "--quick", description = "Ends within two minutes; the figures are rougher.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      split = ",",
      completionCandidates = GroupNames.class,
      description = "Measures only these groups of figures: ${COMPLETION-CANDIDATES}.")
  private Set<String> only = Set.of();

  @Option(
      names = "--telemetry",
      description =
          "Measures what metrics, and traces of which 0.1 %% are sampled, cost: the same as --only"
              + " telemetry. May be given with --callers.")
  private boolean telemetry;

  @Option(
      names = "--callers",
      description =
          "Measures what a verified caller and a policy cost: the same as --only callers.")
  private boolean callers;

  @Option(
      names = "--in-flight",
      paramLabel = "NUMBER",
      split = ",",
      description =
          "Where figures differ by calls in flight, measures only these numbers of them: 1, 16,"
              + " 256, 4096, and 10000 on many objects.")
  private Set<Integer> inFlight = Set.of();

  @Option(
      names = "--rounds",
      paramLabel = "NUMBER",
      description = "Measures this often, rather than five times, or twice with --quick.")
  private int rounds;

  @Option(
      names = "--peer",
      paramLabel = "NAME",
      description =
          "Also measures the same counter in this system: workerd (needs Node and npm) or pekko."
              + " May be given for each. What isn't there is downloaded first: 160 MB for workerd,"
              + " 32 MB for pekko. Takes some nine minutes more for both, or two with --quick.")
  private Set<String> peers = Set.of();

  @Option(names = "--json", paramLabel = "FILE", description = "Also writes the figures as JSON.")
  private @Nullable Path json;

  @Option(
      names = "--results",
      paramLabel = "DIR",
      description = "Also writes the table and the plots into this directory.")
  private @Nullable Path results;

  @Option(
      names = "--profile",
      paramLabel = "DIR",
      description =
          "Also records both processes with JFR, into client.jfr and host.jfr in this directory:"
              + " CPU time, allocation, locks. Then `jfr view hot-methods DIR/host.jfr` shows where"
              + " time goes, and so do cpu-time-hot-methods, allocation-by-site,"
              + " allocation-by-class and contention-by-site. Best with --only and --in-flight; it"
              + " slows both down.")
  private @Nullable Path profile;

  private Main() {}

  /** Runs the benchmarks; exits with 0, whether or not the targets are met. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }

  @Override
  public Integer call() throws Exception {
    List<Group> groups = groups();
    checkPlaces();
    Results measured = new Results();
    for (Group group : groups) {
      if (!group.prepare(measured)) {
        return 1;
      }
    }
    String how;
    try (Scratch scratch = Scratch.make();
        HostProcess host = HostProcess.start(scratch, hostOptions())) {
      Bench bench = new Bench(scratch, host, measured, quick, rounds, inFlight, profile);
      how = bench.how();
      bench.progress("warming both processes up");
      for (Load.Opener load : MemoryLoads.of(host, Loads.SMALL).values()) {
        bench.warmUp(load);
      }
      Profile recording = profile == null ? null : Profile.start(profile);
      for (Group group : groups) {
        group.measure(bench);
      }
      if (recording != null) {
        recording.save();
      }
    }
    Report report = new Report(measured, how);
    System.out.println();
    System.out.print(report.markdown());
    if (json != null) {
      Files.writeString(json, report.json());
    }
    if (results != null) {
      report.write(results);
    }
    return 0;
  }

  /** What can't be written is to be known before everything is measured. */
  private void checkPlaces() {
    try {
      if (results != null) {
        Files.createDirectories(results);
      }
      if (json != null) {
        Files.writeString(json, "");
      }
    } catch (IOException e) {
      throw new ParameterException(
          Objects.requireNonNull(spec).commandLine(), "can't be written: " + e);
    }
  }

  private List<String> hostOptions() throws IOException {
    return profile == null ? List.of() : Profile.hostOptions(profile, "host");
  }

  private List<Group> groups() {
    Set<String> wanted = new TreeSet<>(only);
    if (telemetry) {
      wanted.add("telemetry");
    }
    if (callers) {
      wanted.add("callers");
    }
    TreeSet<String> unknown = new TreeSet<>(wanted);
    List<Group> groups = new ArrayList<>();
    for (Group group : GROUPS) {
      if (unknown.remove(group.name()) || (wanted.isEmpty() && !group.isOnlyByName())) {
        groups.add(group);
      }
    }
    if (!peers.isEmpty()) {
      Group beside = new Peers(peers);
      groups.add(beside);
      unknown.remove(beside.name());
    }
    if (!unknown.isEmpty()) {
      throw new ParameterException(
          Objects.requireNonNull(spec).commandLine(),
          "--only %s, expected some of %s"
              .formatted(String.join(",", unknown), String.join(",", new GroupNames())));
    }
    return groups;
  }

  /** For the help. */
  private static final class GroupNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return GROUPS.stream().map(Group::name).iterator();
    }
  }
}
