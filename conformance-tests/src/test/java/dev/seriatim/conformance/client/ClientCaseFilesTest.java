package dev.seriatim.conformance.client;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.ExpectedResult;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The files of client cases are right. */
final class ClientCaseFilesTest {
  private static final Set<String> FATES = Set.of("NOT_EXECUTED", "COMPLETED", "UNKNOWN");

  private final List<ClientCase> cases = ClientCaseFiles.load();

  @Test
  void thereAreManyCases() {
    assertThat(cases.size()).isAtLeast(100);
  }

  @Test
  void namesAreWellFormed() {
    for (ClientCase one : cases) {
      assertThat(one.getName()).matches("[a-z]+/[a-z0-9-]+");
    }
  }

  @Test
  void theRulesOfAClientHaveCases() {
    Set<Integer> covered = new TreeSet<>();
    cases.forEach(one -> covered.addAll(one.getRulesList()));

    assertThat(covered).containsAtLeast(3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 19, 20);
  }

  @Test
  void everyCallIsExpectedToDoSomething() {
    for (ClientCase one : cases) {
      int named =
          one.getResultsList().stream()
              .mapToInt(
                  result -> Math.max(result.getFirst(), result.getLast()) + 1 - result.getFirst())
              .sum();

      assertWithMessage(one.getName())
          .that(named)
          .isEqualTo(CallerComparison.callsIn(one.getCallerList()));
    }
  }

  @Test
  void aFailureIsExpectedWithItsFate() {
    for (ClientCase one : cases) {
      for (ExpectedResult result : one.getResultsList()) {
        if (!result.getOk() && !result.getOtherError()) {
          assertWithMessage(one.getName()).that(result.getFatesList()).isNotEmpty();
          assertWithMessage(one.getName())
              .that(FATES)
              .containsAtLeastElementsIn(result.getFatesList());
        }
      }
    }
  }

  @Test
  void aFileThatIsNotRightIsRefused() {
    assertRefused("cases { nmae: \"x\" }", "nmae");
    assertRefused("cases { name: \"x/y\" rules: 1 description: \"d\" }", "needs a name");
  }

  private static void assertRefused(String text, String message) {
    IllegalStateException refusal =
        assertThrows(IllegalStateException.class, () -> ClientCaseFiles.parse("test", text));
    assertThat(refusal).hasMessageThat().contains(message);
  }
}
