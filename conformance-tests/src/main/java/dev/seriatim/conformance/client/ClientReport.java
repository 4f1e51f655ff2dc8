package dev.seriatim.conformance.client;

import dev.seriatim.conformance.client.ClientResult.Verdict;
import dev.seriatim.conformance.v1.ClientCase;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;

/** What a run is printed as: each failure, and a table of cases by client libraries. */
final class ClientReport {
  private final List<ClientCase> cases;
  private final Map<String, List<ClientResult>> results;

  /**
   * Takes the results as they are.
   *
   * @param results by library, in the order of the cases
   */
  ClientReport(List<ClientCase> cases, Map<String, List<ClientResult>> results) {
    this.cases = cases;
    this.results = results;
  }

  boolean failed() {
    return results.values().stream().flatMap(List::stream).anyMatch(ClientResult::isFailure);
  }

  void print(PrintWriter out) {
    results.forEach(
        (language, all) -> {
          for (ClientResult result : all) {
            if (!result.problems().isEmpty()) {
              out.printf(
                  "%s %s %s%n", result.verdict().label(), language, result.testCase().getName());
              result.problems().forEach(problem -> out.printf("    %s%n", problem));
            }
          }
        });
    out.printf("%-52s", "");
    results.keySet().forEach(language -> out.printf(" %-12s", language));
    out.println();
    for (int i = 0; i < cases.size(); i++) {
      out.printf("%-52s", cases.get(i).getName());
      for (List<ClientResult> all : results.values()) {
        out.printf(" %-12s", all.get(i).verdict().label());
      }
      out.println();
    }
    out.printf("%-52s", cases.size() + " cases");
    long passed = 0;
    long failed = 0;
    long skipped = 0;
    for (List<ClientResult> all : results.values()) {
      long wrong = all.stream().filter(ClientResult::isFailure).count();
      long left = all.stream().filter(one -> one.verdict() == Verdict.SKIPPED).count();
      failed += wrong;
      skipped += left;
      passed += all.size() - wrong - left;
      out.printf(" %-12s", wrong == 0 ? "ok" : wrong + " wrong");
    }
    out.printf("%n%d passed, %d failed", passed, failed);
    if (skipped > 0) {
      out.printf(", %d left out, since the library doesn't have what they are about", skipped);
    }
    out.println();
    out.flush();
  }
}
