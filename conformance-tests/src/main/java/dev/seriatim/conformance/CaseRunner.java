package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.Case;
import java.time.Duration;
import java.util.List;

/** Runs cases against one host, one after the other. */
final class CaseRunner {
  private final Target target;
  private final Duration patience;

  /**
   * @param patience how long to wait for each single thing that the host must send
   */
  CaseRunner(Target target, Duration patience) {
    this.target = target;
    this.patience = patience;
  }

  /** Runs one case. A case that the host can't be held to is skipped. */
  CaseResult run(Case testCase) throws InterruptedException {
    List<String> missing =
        testCase.getRequiresList().stream()
            .filter(feature -> !target.features().contains(feature))
            .toList();
    if (!missing.isEmpty()) {
      return new CaseResult(
          testCase,
          CaseResult.Verdict.SKIPPED,
          "the host doesn't offer " + String.join(", ", missing),
          Duration.ZERO);
    }
    long start = System.nanoTime();
    CaseResult.Verdict verdict = CaseResult.Verdict.PASSED;
    String message = "";
    try (CaseRun run = new CaseRun(testCase, target, patience)) {
      run.run();
    } catch (CaseFailure e) {
      verdict = CaseResult.Verdict.FAILED;
      message = String.valueOf(e.getMessage());
    }
    return new CaseResult(testCase, verdict, message, Duration.ofNanos(System.nanoTime() - start));
  }
}
