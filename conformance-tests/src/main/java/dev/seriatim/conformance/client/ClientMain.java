package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.v1.ClientCase;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command that holds client libraries to the client cases. */
@Command(
    name = "client-conformance",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Holds client libraries to the client cases; see docs/conformance.md.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:every case passed, or is a known failure",
      "1:a case failed, hung or crashed, or a known failure passed",
      "2:the command line is wrong",
    })
public final class ClientMain implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--driver",
      paramLabel = "LANGUAGE=COMMAND",
      description =
          "A client library's name in the table, and how to start its driver: words between"
              + " spaces. May be repeated.")
  private Map<String, String> drivers = new LinkedHashMap<>();

  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      description = "Run only cases whose name contains a match.")
  private @Nullable String filter;

  @Option(
      names = "--known-failures",
      paramLabel = "FILE",
      description =
          "What may fail, one a line: LANGUAGE CASE; `#` begins a comment. One that passes fails"
              + " the run.")
  private @Nullable Path knownFailures;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      defaultValue = "40",
      description = "How long a driver may take for a case (default: ${DEFAULT-VALUE}).")
  private int patienceSeconds;

  @Option(names = "--list", description = "List the cases and run none.")
  private boolean list;

  /** Made by {@link #main} only. */
  private ClientMain() {}

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
    return new CommandLine(new ClientMain()).setOut(out).setErr(err).execute(args);
  }

  @Override
  public Integer call() throws InterruptedException {
    List<ClientCase> cases = chosen();
    if (list) {
      cases.forEach(
          one -> out().printf("%-48s %s%n", one.getName(), oneLine(one.getDescription())));
      return 0;
    }
    if (drivers.isEmpty()) {
      throw usage("--driver LANGUAGE=COMMAND is missing");
    }
    if (patienceSeconds < 1) {
      throw usage("--patience is " + patienceSeconds + ", expected at least 1");
    }
    Set<String> known = known();
    Map<String, List<ClientResult>> results = new LinkedHashMap<>();
    for (Map.Entry<String, String> entry : drivers.entrySet()) {
      List<String> command = List.of(entry.getValue().trim().split(" +"));
      Duration patience = Duration.ofSeconds(patienceSeconds);
      try (Driver driver = new ProcessDriver(command, patience)) {
        results.put(entry.getKey(), run(entry.getKey(), driver, cases, known));
      }
    }
    ClientReport report = new ClientReport(cases, results);
    report.print(out());
    return report.failed() ? 1 : 0;
  }

  private static List<ClientResult> run(
      String language, Driver driver, List<ClientCase> cases, Set<String> known)
      throws InterruptedException {
    ClientCaseRunner runner = new ClientCaseRunner(driver);
    List<ClientResult> results = new ArrayList<>();
    for (ClientCase one : cases) {
      ClientResult result = runner.run(one);
      results.add(known.contains(language + " " + one.getName()) ? result.known() : result);
    }
    return results;
  }

  private List<ClientCase> chosen() {
    Pattern pattern;
    try {
      pattern = Pattern.compile(filter == null ? "" : filter);
    } catch (PatternSyntaxException e) {
      throw usage("--filter doesn't parse: " + e.getMessage());
    }
    List<ClientCase> cases =
        ClientCaseFiles.load().stream()
            .filter(one -> pattern.matcher(one.getName()).find())
            .toList();
    if (cases.isEmpty()) {
      throw usage("no case has a name that matches '" + filter + "'");
    }
    return cases;
  }

  private Set<String> known() {
    if (knownFailures == null) {
      return Set.of();
    }
    Set<String> names =
        ClientCaseFiles.load().stream().map(ClientCase::getName).collect(Collectors.toSet());
    Set<String> known = new HashSet<>();
    try {
      for (String line : Files.readAllLines(knownFailures, UTF_8)) {
        List<String> words = List.of(line.replaceFirst("#.*", "").strip().split("\\s+"));
        if (words.equals(List.of(""))) {
          continue;
        }
        if (words.size() != 2 || !names.contains(words.get(1))) {
          throw usage("--known-failures: '" + line.strip() + "', expected LANGUAGE CASE");
        }
        known.add(String.join(" ", words));
      }
    } catch (IOException e) {
      throw usage("--known-failures can't be read: " + e);
    }
    return known;
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ");
  }

  private PrintWriter out() {
    return command().getOut();
  }

  private ParameterException usage(String message) {
    return new ParameterException(command(), message);
  }

  private CommandLine command() {
    return Objects.requireNonNull(spec).commandLine();
  }
}
