package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import dev.seriatim.conformance.FaultyHost.Fault;
import dev.seriatim.conformance.v1.Case;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Shows that the runner passes a host that is right, and fails one that has any of many faults. */
final class CaseRunnerTest {
  /** Long enough for an honest host to pass on a busy machine. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** With a host that leaves out what is waited for, which is to be found out soon. */
  private static final Duration SHORT_PATIENCE = Duration.ofSeconds(2);

  private static final Set<Fault> NEVER = EnumSet.of(Fault.NEVER_ANSWERS, Fault.NEVER_ENDS);

  private static final String ORDER =
      """
      cases {
        name: "order" rules: 1 description: "Calls are answered in order."
        steps {
          send {
            stub: "a" open { namespace: "PROBE" name: "${o}" }
            calls { append { mark: "${seq}" } repeat: 3 }
          }
        }
        steps {
          expect {
            stub: "a"
            opened { name: "${o}" id_is_derived: true }
            outcomes { append { mark: "${seq}" } repeat: 3 }
          }
        }
        steps { send { stub: "a" calls { echo { text: "x" } } } }
        steps { half_close { stub: "a" } }
        steps { expect { stub: "a" outcomes { echo { text: "x" } } end {} } }
        steps { journal { name: "${o}" marks: "1..3" } }
      }
      """;

  private static final String FAILURE =
      """
      cases {
        name: "failure" rules: 9 description: "Nothing runs behind a failure."
        steps {
          send {
            stub: "a" open { namespace: "PROBE" name: "${o}" }
            calls { append { mark: "before" } }
            calls { fail { status { code: 9 } } }
            calls { append { mark: "behind" } }
          }
        }
        steps {
          expect {
            stub: "a" opened { name: "${o}" } outcomes {}
            broken {
              reason: "OBJECT_EXCEPTION" codes: FAILED_PRECONDITION failed_sequence: 2
              message_contains: "told"
            }
          }
        }
        steps { journal { name: "${o}" marks: "before" } }
      }
      """;

  private static final String GAP =
      """
      cases {
        name: "gap" rules: 6 description: "A gap breaks the stub."
        steps {
          send {
            stub: "a" open { namespace: "PROBE" name: "${o}" }
            calls { append { mark: "1" } }
            calls { append { mark: "7" } sequence: 7 }
          }
        }
        steps {
          expect {
            stub: "a" opened { name: "${o}" } outcomes {}
            broken {
              reason: "SEQUENCE_VIOLATION" failed_sequence: 7
              message_contains: ["7", "expected 2"]
            }
          }
        }
      }
      """;

  private static final String JSON =
      """
      cases {
        name: "json" reasons: "OBJECT_EXCEPTION" description: "JSON is answered in JSON."
        steps {
          send {
            stub: "a" open { namespace: "PROBE" name: "${o}" }
            calls { read_journal {} json: true }
          }
        }
        steps {
          expect { stub: "a" opened { name: "${o}" } outcomes { json_text: "true" } }
        }
      }
      """;

  private static final String NAMESPACES =
      """
      cases {
        name: "namespaces" reasons: "UNKNOWN_NAMESPACE" description: "Namespaces are told."
        steps { list_namespaces { has_names: "PROBE" } }
        steps { describe_namespace { name: "PROBE" response { name: "PROBE" } } }
        steps { describe_namespace { name: "NOWHERE" reason: "UNKNOWN_NAMESPACE" } }
        steps { send { stub: "a" open { namespace: "NOWHERE" name: "x" } } }
        steps { expect { stub: "a" broken { reason: "UNKNOWN_NAMESPACE" } } }
      }
      """;

  /** Which case finds the fault, and a part of what the runner then says. */
  private static final Map<Fault, String[]> FINDINGS =
      Map.ofEntries(
          finding(Fault.NEVER_OPENS, ORDER, "the first frame has neither"),
          finding(Fault.OPENS_TWICE, ORDER, "isn't the first has `opened`"),
          finding(Fault.ECHOES_WRONG_NAME, ORDER, "opened has name 'someone else', expected name"),
          finding(Fault.DERIVES_WRONG_ID, ORDER, "rule 19: opened has id"),
          finding(Fault.ANSWERS_TWICE, ORDER, "rule 3: outcome 1 came after outcome 1, expected 2"),
          finding(
              Fault.LEAVES_OUT_AN_OUTCOME,
              ORDER,
              "rule 3: outcome 3 came after outcome 1, expected 2"),
          finding(
              Fault.SWAPS_OUTCOMES, ORDER, "rule 3: outcome 2 came after outcome 0, expected 1"),
          finding(Fault.ANSWERS_WRONG_TEXT, ORDER, "outcome 4 has text 'x?', expected 'x'"),
          finding(Fault.ANSWERS_JSON_WITH_BYTES, JSON, "has MESSAGE, expected JSON"),
          finding(Fault.NEVER_ANSWERS, ORDER, "an outcome never came (waited 2 s)"),
          finding(Fault.NEVER_ENDS, ORDER, "the end of the call never came"),
          finding(
              Fault.RUNS_WHAT_IS_BEHIND_A_FAILURE,
              FAILURE,
              "the journal is [before, behind], expected [before]"),
          finding(
              Fault.COUNTS_THE_FAILED_AS_COMPLETED,
              FAILURE,
              "rule 8: completed_through is 2, but outcome 1 was the last"),
          finding(Fault.BLAMES_THE_WRONG_INVOCATION, FAILURE, "failed_sequence is 3, expected 2"),
          finding(
              Fault.ENDS_WITHOUT_BROKEN, FAILURE, "expected broken OBJECT_EXCEPTION, but the end"),
          finding(
              Fault.ENDS_WITH_ANOTHER_CODE, FAILURE, "rule 7: the call ended with code INTERNAL"),
          finding(
              Fault.ENDS_WITH_ANOTHER_MESSAGE,
              FAILURE,
              "rule 7: the call ended with the message 'something else'"),
          finding(Fault.SENDS_AFTER_BROKEN, FAILURE, "rule 7: a frame came after `broken`"),
          finding(Fault.SAYS_NO_REASON, FAILURE, "the cause has 0 ErrorInfo, expected one"),
          finding(Fault.SAYS_TWO_REASONS, FAILURE, "the cause has 2 ErrorInfo, expected one"),
          finding(Fault.SAYS_ANOTHER_DOMAIN, FAILURE, "domain 'elsewhere'"),
          finding(Fault.SAYS_AN_UNKNOWN_REASON, FAILURE, "'BAD_LUCK' is not in the failure table"),
          finding(Fault.SAYS_RETRYABLE, FAILURE, "came with retryable true"),
          finding(
              Fault.HIDES_THE_NUMBERS_OF_A_GAP, GAP, "'bad sequence', expected it to contain '7'"),
          finding(Fault.IGNORES_A_GAP, GAP, "rule 3: outcome 7 came after outcome 1, expected 2"),
          finding(Fault.OVERLAPS_TURNS, ORDER, "rule 2: 1 times a turn began"),
          finding(Fault.LISTS_NAMESPACES_UNSORTED, NAMESPACES, "expected them in ascending order"),
          finding(
              Fault.DESCRIBES_WHAT_IS_NOT_THERE, NAMESPACES, "expected failure UNKNOWN_NAMESPACE"));

  private static Map.Entry<Fault, String[]> finding(Fault fault, String text, String message) {
    return Map.entry(fault, new String[] {text, message});
  }

  @Test
  void passesAHostThatIsRight() throws Exception {
    for (String text : new String[] {ORDER, FAILURE, GAP, JSON, NAMESPACES}) {
      CaseResult result = run(Fault.NONE, text);

      assertThat(result.message()).isEmpty();
      assertThat(result.verdict()).isEqualTo(CaseResult.Verdict.PASSED);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void findsTheFault(Fault fault) throws Exception {
    String[] finding = requireNonNull(FINDINGS.get(fault), "a case that finds it");

    CaseResult result = run(fault, finding[0]);

    assertThat(result.verdict()).isEqualTo(CaseResult.Verdict.FAILED);
    assertThat(result.message()).contains(finding[1]);
  }

  @Test
  void reportsWhatNoStepExpected() throws Exception {
    CaseResult result =
        run(
            Fault.NONE,
            """
            cases {
              name: "leftover" rules: 3 description: "Forgets an outcome."
              steps {
                send {
                  stub: "a" open { namespace: "PROBE" name: "${o}" }
                  calls { echo { text: "x" } repeat: 2 }
                }
              }
              steps { expect { stub: "a" opened { name: "${o}" } outcomes {} } }
              steps { half_close { stub: "a" } }
              steps { journal { name: "${o}" } }
            }
            """);

    assertThat(result.message()).contains("nothing more was expected, but outcome 2 came");
  }

  @Test
  void skipsWhatTheHostDoesNotOffer() throws Exception {
    CaseResult result = run(Fault.NONE, ORDER.replace("rules: 1", "rules: 1 requires: \"drain\""));

    assertThat(result.verdict()).isEqualTo(CaseResult.Verdict.SKIPPED);
    assertThat(result.message()).isEqualTo("the host doesn't offer drain");
  }

  @Test
  void eachRunHasObjectsOfItsOwn() throws Exception {
    Server server = start(new FaultyHost(Fault.NONE), "twice");
    try {
      CaseRunner runner = new CaseRunner(target("twice"), PATIENCE);
      Case one = CaseFiles.parse("test", ORDER).getFirst();

      assertThat(runner.run(one).message()).isEmpty();
      assertThat(runner.run(one).message()).isEmpty();
    } finally {
      server.shutdownNow();
    }
  }

  private static CaseResult run(Fault fault, String text) throws Exception {
    Server server = start(new FaultyHost(fault), "faulty");
    try {
      return new CaseRunner(target("faulty"), NEVER.contains(fault) ? SHORT_PATIENCE : PATIENCE)
          .run(CaseFiles.parse("test", text).getFirst());
    } finally {
      server.shutdownNow().awaitTermination();
    }
  }

  private static Server start(FaultyHost host, String name) throws IOException {
    return InProcessServerBuilder.forName(name).addService(host).build().start();
  }

  private static Target target(String name) {
    return new Target() {
      @Override
      public ManagedChannel connect() {
        return InProcessChannelBuilder.forName(name).build();
      }

      @Override
      public Set<String> features() {
        return Set.of();
      }

      @Override
      public void drain() {
        throw new UnsupportedOperationException();
      }

      @Override
      public void openGate(String gate) {
        throw new UnsupportedOperationException();
      }
    };
  }
}
