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
    UNEXPECTED_PASS("FIXED?"),

    /** The library doesn't have what the case needs. */
    SKIPPED("-");

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
    if (verdict == Verdict.SKIPPED) {
      return this;
    }
    return verdict == Verdict.PASSED
        ? new ClientResult(
            testCase,
            Verdict.UNEXPECTED_PASS,
            List.of("is a known failure, and passed: take it off the list"))
        : new ClientResult(testCase, Verdict.KNOWN_FAILURE, problems);
  }

  boolean isFailure() {
    return switch (verdict) {
      case PASSED, KNOWN_FAILURE, SKIPPED -> false;
      case FAILED, HUNG, CRASHED, UNEXPECTED_PASS -> true;
    };
  }
}
