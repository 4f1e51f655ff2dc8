package dev.seriatim.conformance;

import static com.google.common.collect.ImmutableSet.toImmutableSet;
import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.collect.ImmutableSet;
import com.google.common.collect.Sets;
import dev.seriatim.conformance.v1.Case;
import dev.seriatim.conformance.v1.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Keeps the collection of cases complete and honest about what it tests. */
final class CaseFilesTest {
  private static final int LAST_RULE = 25;

  /** The rules that a host can be held to from outside: 5 is the client's. */
  private static final Set<Integer> RULES_IN_FORCE =
      IntStream.rangeClosed(1, LAST_RULE)
          .filter(rule -> rule != 5)
          .boxed()
          .collect(toImmutableSet());

  /**
   * What no client of one host is told: a circle is only told to objects, and
   * ObjectsCallingObjectsTest has it; two are about several hosts, and the last one about a token
   * that runs out, which CredentialsExpiryTest of the host has.
   */
  private static final Set<FailureTable> OUT_OF_REACH =
      ImmutableSet.of(
          FailureTable.CALL_CYCLE,
          FailureTable.OWNER_UNAVAILABLE,
          FailureTable.OBJECT_MOVED,
          FailureTable.CREDENTIALS_EXPIRED);

  private static final Set<String> FEATURES =
      ImmutableSet.of(
          "drain",
          "turn-limit",
          "queue-limit",
          "direct",
          "alarms",
          "few-instances",
          "bad-store",
          "own-call",
          "lanes",
          "few-lanes",
          "sessions",
          "ack-limit",
          "few-sessions",
          "keys",
          "auth",
          "restart");

  private final List<Case> cases = CaseFiles.load();

  @Test
  void thereAreManyCases() {
    assertThat(cases.size()).isAtLeast(80);
  }

  @Test
  void everyRuleInForceHasCases() {
    Set<Integer> covered =
        cases.stream().flatMap(one -> one.getRulesList().stream()).collect(toSet());

    assertThat(covered).containsAtLeastElementsIn(RULES_IN_FORCE);
    assertThat(IntStream.rangeClosed(1, LAST_RULE).boxed().toList())
        .containsAtLeastElementsIn(covered);
  }

  @Test
  void everyRowOfTheFailureTableHasCases() {
    Set<String> covered =
        cases.stream().flatMap(one -> one.getReasonsList().stream()).collect(toSet());

    assertThat(covered)
        .containsExactlyElementsIn(
            Arrays.stream(FailureTable.values())
                .filter(row -> !OUT_OF_REACH.contains(row))
                .map(FailureTable::name)
                .toList());
  }

  @Test
  void aCaseNamesTheReasonsThatItExpectsAndNoOthers() {
    for (Case one : cases) {
      List<String> expected = new ArrayList<>();
      reasons(one.getStepsList(), expected);

      assertWithMessage(one.getName())
          .that(ImmutableSet.copyOf(one.getReasonsList()))
          .isEqualTo(ImmutableSet.copyOf(expected));
    }
  }

  @Test
  void namesAndFeaturesAreWellFormed() {
    for (Case one : cases) {
      assertThat(one.getName()).matches("[a-z]+/[a-z0-9-]+");
      assertWithMessage(one.getName())
          .that(Sets.difference(ImmutableSet.copyOf(one.getRequiresList()), FEATURES))
          .isEmpty();
    }
  }

  @Test
  void aFileThatIsNotRightIsRefused() {
    assertRefused("cases { nmae: \"x\" }", "nmae");
    assertRefused("cases { name: \"x/y\" rules: 1 description: \"d\" }", "needs a name");
    assertRefused("cases { name: \"x/y\" description: \"d\" steps { drain {} } }", "no rule");
    assertRefused(
        "cases { name: \"x/y\" reasons: \"BAD\" description: \"d\" steps { drain {} } }",
        "unknown reason 'BAD'");
  }

  private static void assertRefused(String text, String message) {
    IllegalStateException refusal =
        assertThrows(IllegalStateException.class, () -> CaseFiles.parse("test", text));
    assertThat(refusal).hasMessageThat().contains(message);
  }

  private static void reasons(List<Step> steps, List<String> reasons) {
    for (Step step : steps) {
      switch (step.getStepCase()) {
        case REPEAT -> reasons(step.getRepeat().getStepsList(), reasons);
        case GATHER -> reasons(step.getGather().getStepsList(), reasons);
        case EXPECT -> {
          if (step.getExpect().hasBroken()) {
            reasons.add(step.getExpect().getBroken().getReason());
          }
        }
        case DIRECT -> {
          if (step.getDirect().hasBroken()) {
            reasons.add(step.getDirect().getBroken().getReason());
          }
        }
        case DESCRIBE_NAMESPACE -> {
          if (!step.getDescribeNamespace().getReason().isEmpty()) {
            reasons.add(step.getDescribeNamespace().getReason());
          }
        }
        default -> {}
      }
    }
  }
}
