package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.Case;
import java.time.Duration;

/**
 * How one case went.
 *
 * @param testCase the case
 * @param verdict whether it passed
 * @param message why it failed or was left out; empty if it passed
 * @param time how long it took
 */
record CaseResult(Case testCase, Verdict verdict, String message, Duration time) {
  enum Verdict {
    PASSED,
    FAILED,
    /** It failed, and is in the file of known failures. */
    KNOWN_FAILURE,
    /** It passed, and is in the file of known failures. */
    UNEXPECTED_PASS,
    SKIPPED
  }

  CaseResult {
    if (message.isEmpty() && verdict != Verdict.PASSED) {
      throw new IllegalArgumentException(verdict + " needs a message");
    }
  }

  /** The same result of a case that is in the file of known failures. */
  CaseResult known() {
    return switch (verdict) {
      case FAILED -> new CaseResult(testCase, Verdict.KNOWN_FAILURE, message, time);
      case PASSED ->
          new CaseResult(
              testCase,
              Verdict.UNEXPECTED_PASS,
              "is listed as a known failure, but passed: take it off the list",
              time);
      default -> this;
    };
  }

  /** Whether this makes the whole run fail. */
  boolean isFailure() {
    return verdict == Verdict.FAILED || verdict == Verdict.UNEXPECTED_PASS;
  }
}
