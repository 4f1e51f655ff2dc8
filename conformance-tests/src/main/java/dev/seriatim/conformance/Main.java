package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.v1.Case;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command that holds a host to the conformance cases. */
@Command(
    name = "conformance",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Holds a durable-object host to the conformance cases.",
      "The host must serve the probe's namespaces; see docs/conformance.md.",
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:every case passed, was skipped, or is a known failure",
      "1:a case failed, or a known failure passed",
      "2:the command line is wrong",
    })
public final class Main implements Callable<Integer> {
  // Where a host must offer something that nothing can tell it to do from outside.
  private static final Set<String> IN_TREE_ONLY = Set.of("drain", "restart");

  /** What the runner itself offers, unless it is told to use lanes. */
  private static final String OWN_CALL = "own-call";

  /** What needs the tokens of callers. */
  private static final String AUTH = "auth";

  /** What a host must offer for that, and may offer without. */
  private static final String LANES = "lanes";

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description = "Where the host listens, without TLS.")
  private @Nullable String target;

  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      description = "Run only cases whose name contains a match.")
  private @Nullable String filter;

  @Option(
      names = "--with",
      paramLabel = "FEATURE",
      split = ",",
      description =
          "The host offers this beyond the contract, so that cases which require it run: ack-limit,"
              + " alarms, auth, bad-store, direct, few-instances, few-lanes, few-sessions, keys,"
              + " lanes, queue-limit, sessions, turn-limit. What they mean is in case.proto. May be"
              + " repeated.")
  private List<String> with = new ArrayList<>();

  @Option(
      names = "--tokens",
      paramLabel = "FILE",
      description =
          "A caller and its bearer token on each line, for cases that require auth: all, alice,"
              + " bob, and a stranger, whom the host doesn't know.")
  private @Nullable Path tokens;

  @Option(
      names = "--known-failures",
      paramLabel = "FILE",
      description =
          "Names of cases that may fail, one a line; `#` begins a comment. One that passes fails"
              + " the run.")
  private @Nullable Path knownFailures;

  @Option(
      names = "--junit-xml",
      paramLabel = "FILE",
      description = "Also write the results there, in JUnit's XML.")
  private @Nullable Path junitXml;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description =
          "How long to wait for each thing that the host must send (default: ${DEFAULT-VALUE}).")
  private int patienceSeconds;

  @Option(
      names = "--lanes",
      description = "Open the stubs of a connection on lanes of one call of ConnectMany.")
  private boolean lanes;

  @Option(names = "--list", description = "List the cases and run none.")
  private boolean list;

  /** Made by {@link #main} only. */
  private Main() {}

  /** Runs the command and exits. */
  public static void main(String[] args) {
    System.exit(
        run(
            new PrintWriter(System.out, true, UTF_8),
            new PrintWriter(System.err, true, UTF_8),
            args));
  }

  /** Runs the command; gives its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    return new CommandLine(new Main()).setOut(out).setErr(err).execute(args);
  }

  @Override
  public Integer call() throws InterruptedException, IOException {
    List<Case> cases = chosen();
    if (list) {
      for (Case one : cases) {
        out().printf("%-48s %s%n", one.getName(), one.getDescription());
      }
      return 0;
    }
    if (target == null) {
      throw usage("--target HOST:PORT is missing");
    }
    if (patienceSeconds < 1) {
      throw usage("--patience is " + patienceSeconds + ", expected at least 1");
    }
    Set<String> known = known();
    CaseRunner runner =
        new CaseRunner(
            new RemoteTarget(target, features(), lanes, callers()),
            Duration.ofSeconds(patienceSeconds));
    List<CaseResult> results = new ArrayList<>();
    for (Case one : cases) {
      CaseResult result = runner.run(one);
      results.add(known.contains(one.getName()) ? result.known() : result);
    }
    Report report = new Report(results);
    report.print(out());
    if (junitXml != null) {
      JUnitXml.write(results, junitXml);
    }
    return report.failed() ? 1 : 0;
  }

  private List<Case> chosen() {
    Pattern pattern;
    try {
      pattern = Pattern.compile(filter == null ? "" : filter);
    } catch (PatternSyntaxException e) {
      throw usage("--filter doesn't parse: " + e.getMessage());
    }
    List<Case> cases =
        CaseFiles.load().stream().filter(one -> pattern.matcher(one.getName()).find()).toList();
    if (cases.isEmpty()) {
      throw usage("no case has a name that matches '" + filter + "'");
    }
    return cases;
  }

  private Set<String> features() {
    Set<String> every = new HashSet<>();
    CaseFiles.load().forEach(one -> every.addAll(one.getRequiresList()));
    every.removeAll(IN_TREE_ONLY);
    every.remove(OWN_CALL);
    for (String feature : with) {
      if (!every.contains(feature)) {
        throw usage("--with " + feature + " is not one of " + every.stream().sorted().toList());
      }
    }
    Set<String> features = new HashSet<>(with);
    features.add(lanes ? LANES : OWN_CALL);
    return features;
  }

  private Map<String, String> callers() {
    if (tokens == null) {
      if (with.contains(AUTH)) {
        throw usage("--with auth without --tokens, expected a file with the callers' tokens");
      }
      return Map.of();
    }
    try {
      return CallerTokens.read(tokens);
    } catch (IOException e) {
      throw usage("--tokens can't be read: " + e);
    } catch (IllegalArgumentException e) {
      throw usage("--tokens: " + e.getMessage());
    }
  }

  private Set<String> known() {
    if (knownFailures == null) {
      return Set.of();
    }
    try {
      return KnownFailures.read(knownFailures);
    } catch (IOException e) {
      throw usage("--known-failures can't be read: " + e);
    } catch (IllegalArgumentException e) {
      throw usage("--known-failures: " + e.getMessage());
    }
  }

  private PrintWriter out() {
    return command().getOut();
  }

  private ParameterException usage(String message) {
    return new ParameterException(command(), message);
  }

  private CommandLine command() {
    return java.util.Objects.requireNonNull(spec).commandLine();
  }
}
