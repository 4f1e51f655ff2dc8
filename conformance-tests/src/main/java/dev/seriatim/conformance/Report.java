package dev.seriatim.conformance;

import dev.seriatim.conformance.CaseResult.Verdict;
import java.io.PrintWriter;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a run is printed as: each failure, and a table by rule and by row of the failure table. */
final class Report {
  private static final Map<Integer, String> RULES =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry(1, "a stub's turns run in the order of their numbers"),
              Map.entry(2, "an object runs one turn at a time"),
              Map.entry(3, "outcomes leave in order, one for each completed invocation"),
              Map.entry(4, "stubs on one object are served fairly"),
              Map.entry(5, "a call takes its number inside the caller's call"),
              Map.entry(6, "anything but a normal return breaks the stub"),
              Map.entry(7, "one last `Broken` frame, and a status that says the same"),
              Map.entry(8, "completed_through is the whole truth"),
              Map.entry(9, "nothing behind a failure starts; a failure waits for its turn"),
              Map.entry(10, "a broken stub stays broken; a new one starts at 1"),
              Map.entry(11, "other stubs of the object go on"),
              Map.entry(12, "nothing is unknown after a `Broken` frame"),
              Map.entry(13, "half-close finishes; cancel and loss start nothing more"),
              Map.entry(14, "a turn is atomic"),
              Map.entry(15, "memory never disagrees with storage"),
              Map.entry(16, "an outcome waits for the writes that it could have seen"),
              Map.entry(17, "a failed commit breaks what depended on it"),
              Map.entry(18, "a discarded instance can do no harm"),
              Map.entry(19, "a name gives the same id for ever"),
              Map.entry(20, "an id or a name that can't be is refused")));

  private final List<CaseResult> results;

  Report(List<CaseResult> results) {
    this.results = List.copyOf(results);
  }

  boolean failed() {
    return results.stream().anyMatch(CaseResult::isFailure);
  }

  void print(PrintWriter out) {
    for (CaseResult result : results) {
      if (result.verdict() != Verdict.PASSED) {
        out.printf(
            "%s %s%n    %s%n", result.verdict(), result.testCase().getName(), result.message());
      }
    }
    Map<String, Map<Verdict, Integer>> rows = new TreeMap<>();
    for (CaseResult result : results) {
      for (int rule : result.testCase().getRulesList()) {
        count(rows, "rule %2d  %s".formatted(rule, RULES.getOrDefault(rule, "")), result);
      }
      for (String reason : result.testCase().getReasonsList()) {
        count(rows, reason, result);
      }
    }
    out.printf("%n%-72s %6s %6s %6s %7s%n", "", "passed", "failed", "known", "skipped");
    rows.forEach((label, counts) -> line(out, label, counts));
    Map<Verdict, Integer> all = new EnumMap<>(Verdict.class);
    results.forEach(result -> all.merge(result.verdict(), 1, Integer::sum));
    line(out, "%d cases".formatted(results.size()), all);
    out.flush();
  }

  private static void count(
      Map<String, Map<Verdict, Integer>> rows, String label, CaseResult result) {
    rows.computeIfAbsent(label, _ -> new EnumMap<>(Verdict.class))
        .merge(result.verdict(), 1, Integer::sum);
  }

  private static void line(PrintWriter out, String label, Map<Verdict, Integer> counts) {
    out.printf(
        "%-72s %6d %6d %6d %7d%n",
        label,
        counts.getOrDefault(Verdict.PASSED, 0),
        counts.getOrDefault(Verdict.FAILED, 0) + counts.getOrDefault(Verdict.UNEXPECTED_PASS, 0),
        counts.getOrDefault(Verdict.KNOWN_FAILURE, 0),
        counts.getOrDefault(Verdict.SKIPPED, 0));
  }
}
