package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.conformance.HostUnderTest.Store;
import dev.seriatim.conformance.HostUnderTest.Transport;
import dev.seriatim.conformance.v1.Case;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Holds the host of this tree to every case, over one transport, and on one store. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ConformanceSuite {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Path KNOWN_FAILURES = Path.of("known-failures.txt");

  /** What can be asked of any host of this tree. */
  private static final Set<String> ALWAYS =
      Set.of("alarms", "own-call", "lanes", "sessions", "keys");

  private final Transport transport;
  private final Store store;
  private final HostUnderTest shared;

  ConformanceSuite(Transport transport) {
    this(transport, Store.EMBEDDED);
  }

  ConformanceSuite(Transport transport, Store store) {
    this.transport = transport;
    this.store = store;
    shared = HostUnderTest.start(transport, store, ALWAYS);
  }

  @AfterAll
  void closeHost() {
    shared.close();
  }

  @TestFactory
  Stream<DynamicTest> cases() throws IOException {
    Set<String> known = KnownFailures.read(KNOWN_FAILURES);
    return CaseFiles.load().stream()
        .filter(one -> transport != Transport.LANES || !one.getRequiresList().contains("own-call"))
        .map(
            one ->
                DynamicTest.dynamicTest(
                    one.getName(), () -> check(one, known.contains(one.getName()))));
  }

  private void check(Case testCase, boolean known) throws InterruptedException {
    CaseResult result;
    if (ALWAYS.containsAll(testCase.getRequiresList())) {
      result = new CaseRunner(shared, PATIENCE).run(testCase);
    } else {
      try (HostUnderTest own =
          HostUnderTest.start(transport, store, Set.copyOf(testCase.getRequiresList()))) {
        result = new CaseRunner(own, PATIENCE).run(testCase);
      }
    }
    CaseResult judged = known ? result.known() : result;
    assertWithMessage(judged.message()).that(judged.isFailure()).isFalse();
    assertWithMessage(judged.message())
        .that(judged.verdict())
        .isNotEqualTo(CaseResult.Verdict.SKIPPED);
  }
}
