package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.v1.ClientCase;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
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
      defaultValue = "120",
      description = "How long a driver may take for a case (default: ${DEFAULT-VALUE}).")
  private int patienceSeconds;

  @Option(
      names = "--shared-calls",
      description = "Have the clients carry their stubs on lanes of one call of ConnectMany.")
  private boolean sharedCalls;

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
    ClientKnownFailures known = known();
    ClientReport report = new ClientReport(cases, runAll(cases, known));
    report.print(out());
    return report.failed() ? 1 : 0;
  }

  /** Runs the libraries side by side, for most of a case's time is spent waiting. */
  private Map<String, List<ClientResult>> runAll(List<ClientCase> cases, ClientKnownFailures known)
      throws InterruptedException {
    Map<String, Future<List<ClientResult>>> running = new LinkedHashMap<>();
    Map<String, List<ClientResult>> results = new LinkedHashMap<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      drivers.forEach(
          (language, command) ->
              running.put(
                  language, threads.submit(() -> run(language, words(command), cases, known))));
      for (Map.Entry<String, Future<List<ClientResult>>> one : running.entrySet()) {
        results.put(one.getKey(), one.getValue().get());
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("the runner failed", e.getCause());
    }
    return results;
  }

  private List<ClientResult> run(
      String language, List<String> command, List<ClientCase> cases, ClientKnownFailures known)
      throws InterruptedException {
    List<ClientResult> results = new ArrayList<>();
    try (Driver driver = new ProcessDriver(command, Duration.ofSeconds(patienceSeconds))) {
      ClientCaseRunner runner = new ClientCaseRunner(driver, carriage());
      for (ClientCase one : cases) {
        results.add(known.judge(language, runner.run(one)));
      }
    }
    return results;
  }

  private static List<String> words(String command) {
    return List.of(command.trim().split(" +"));
  }

  private Carriage carriage() {
    return sharedCalls ? Carriage.SHARED_CALLS : Carriage.OWN_CALLS;
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
            .filter(carriage()::plays)
            .toList();
    if (cases.isEmpty()) {
      throw usage("no case has a name that matches '" + filter + "'");
    }
    return cases;
  }

  private ClientKnownFailures known() {
    if (knownFailures == null) {
      return ClientKnownFailures.NONE;
    }
    try {
      return ClientKnownFailures.read(knownFailures);
    } catch (IllegalArgumentException e) {
      throw usage("--known-failures: " + e.getMessage());
    } catch (IOException e) {
      throw usage("--known-failures can't be read: " + e);
    }
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
