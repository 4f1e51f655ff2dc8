package dev.seriatim.conformance.client;

import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

/** Holds the Java client to every client case, in this process: on calls of its own, and shared. */
final class ClientConformanceTest {
  @TestFactory
  @Timeout(600)
  Stream<DynamicTest> cases() throws IOException {
    return cases(Carriage.OWN_CALLS);
  }

  @TestFactory
  @Timeout(600)
  Stream<DynamicTest> casesOnSharedCalls() throws IOException {
    return cases(Carriage.SHARED_CALLS);
  }

  private static Stream<DynamicTest> cases(Carriage carriage) throws IOException {
    ClientCaseRunner runner = new ClientCaseRunner(new JavaDriver(), carriage);
    ClientKnownFailures known = ClientKnownFailures.read(Path.of("client-known-failures.txt"));
    return ClientCaseFiles.load().stream()
        .filter(carriage::plays)
        .map(
            one ->
                DynamicTest.dynamicTest(
                    one.getName(),
                    () -> {
                      ClientResult result = known.judge("java", runner.run(one));
                      assertWithMessage(
                              result.verdict() + "\n" + String.join("\n", result.problems()))
                          .that(result.isFailure())
                          .isFalse();
                    }));
  }
}
