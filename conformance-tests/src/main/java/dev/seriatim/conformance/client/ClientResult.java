package dev.seriatim.conformance.client;

import dev.seriatim.conformance.v1.ClientCase;
import java.util.List;

/** What came of one case with one client library. */
record ClientResult(ClientCase testCase, Verdict verdict, List<String> problems) {
  enum Verdict {
    PASSED("ok"),
    FAILED("FAILED"),
    HUNG("HUNG"),
    CRASHED("CRASHED"),
    KNOWN_FAILURE("known"),
    UNEXPECTED_PASS("FIXED?");

    private final String label;

    Verdict(String label) {
      this.label = label;
    }

    /** As it stands in the table. */
    String label() {
      return label;
    }
  }

  ClientResult {
    problems = List.copyOf(problems);
  }

  /** The same, if a failure is known. */
  ClientResult known() {
    return verdict == Verdict.PASSED
        ? new ClientResult(
            testCase,
            Verdict.UNEXPECTED_PASS,
            List.of("is a known failure, and passed: take it off the list"))
        : new ClientResult(testCase, Verdict.KNOWN_FAILURE, problems);
  }

  boolean isFailure() {
    return verdict != Verdict.PASSED && verdict != Verdict.KNOWN_FAILURE;
  }
}
