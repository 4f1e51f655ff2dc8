package dev.seriatim.conformance.client;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.conformance.client.ClientResult.Verdict;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverResult;
import dev.seriatim.conformance.v1.DriverStubState;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The runner finds what a client does wrong: one fault at a time, and what must be said of it. */
@Timeout(120)
final class ClientCaseRunnerTest {
  private static final ClientCase ONE_CALL = named("order/one-call");
  private static final ClientCase THROW = named("breaks/throw-in-the-middle");

  private static ClientCase named(String name) {
    return ClientCaseFiles.load().stream()
        .filter(one -> one.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Runs the Java client, and changes what it reports. */
  private static ClientResult with(ClientCase testCase, UnaryOperator<DriverResponse> fault)
      throws InterruptedException {
    JavaDriver java = new JavaDriver();
    return new ClientCaseRunner(request -> fault.apply(java.run(request))).run(testCase);
  }

  private static DriverResponse result(DriverResponse response, int call, DriverResult result) {
    return response.toBuilder().setResults(call - 1, result).build();
  }

  private static void assertFailed(ClientResult result, String message) {
    assertThat(result.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(String.join("\n", result.problems())).contains(message);
  }

  @Test
  void nothingWrong() throws Exception {
    assertThat(with(ONE_CALL, response -> response).problems()).isEmpty();
    assertThat(with(THROW, response -> response).problems()).isEmpty();
  }

  @Test
  void aWrongResult() throws Exception {
    assertFailed(
        with(
            ONE_CALL,
            response ->
                result(response, 1, response.getResults(0).toBuilder().setText("other").build())),
        "call 1: text 'other', expected 'hello'");
  }

  @Test
  void aSuccessThatWasNone() throws Exception {
    assertFailed(
        with(THROW, response -> result(response, 3, DriverResult.newBuilder().setOk(true).build())),
        "call 3: succeeded, expected a failure");
  }

  @Test
  void aWrongFate() throws Exception {
    assertFailed(
        with(
            THROW,
            response ->
                result(response, 4, response.getResults(3).toBuilder().setFate("UNKNOWN").build())),
        "call 4: fate 'UNKNOWN', expected NOT_EXECUTED");
  }

  @Test
  void aTextThatLeavesOutWhatAUserNeeds() throws Exception {
    assertFailed(
        with(
            THROW,
            response ->
                result(
                    response,
                    4,
                    response.getResults(3).toBuilder().setMessage("not today").build())),
        "call 4: message 'not today', expected"
            + " 'not today [OBJECT_EXCEPTION, call 4 behind 3, NOT_EXECUTED]'");
  }

  @Test
  void aLossThatSaysNothing() throws Exception {
    assertFailed(
        with(
            named("lost/refused"),
            response ->
                result(
                    response,
                    1,
                    response.getResults(0).toBuilder().setCauseMessage("io exception").build())),
        "the cause's message 'io exception' doesn't say what happened");
  }

  @Test
  void aWrongFlag() throws Exception {
    assertFailed(
        with(
            THROW,
            response ->
                result(response, 4, response.getResults(3).toBuilder().setRetryable(true).build())),
        "call 4: retryable 'true', expected 'false'");
  }

  @Test
  void anErrorThatIsNotTheLibrarysOwn() throws Exception {
    assertFailed(
        with(
            THROW,
            response ->
                result(
                    response,
                    4,
                    DriverResult.newBuilder()
                        .setCode("FAILED_PRECONDITION")
                        .setMessage("not today")
                        .setUnexpected("NullPointerException")
                        .build())),
        "call 4: the error is not one of the library's own: NullPointerException");
  }

  @Test
  void aResultThatIsMissing() throws Exception {
    assertFailed(
        with(THROW, response -> response.toBuilder().removeResults(0).build()),
        "reported 3 results of 4 calls");
  }

  @Test
  void aListenerThatIsToldTwice() throws Exception {
    assertFailed(
        with(
            THROW,
            response -> {
              DriverStubState state = response.getStubs(0).toBuilder().setBreaksTold(2).build();
              return response.toBuilder().setStubs(0, state).build();
            }),
        "stub 'a': breaks told '2', expected '1'");
  }

  @Test
  void aClientThatNeverCalls() throws Exception {
    ClientResult result =
        new ClientCaseRunner(request -> DriverResponse.getDefaultInstance()).run(ONE_CALL);

    assertFailed(result, "at the host: 0 stub's calls were made, expected 1");
  }

  @Test
  void aClientThatSendsMoreThanItShould() throws Exception {
    ClientCase twice =
        ONE_CALL.toBuilder()
            .addCaller(1, ONE_CALL.getCaller(1))
            .addResults(ONE_CALL.getResults(0).toBuilder().setFirst(2))
            .build();

    assertFailed(with(twice, response -> response), "2 invocations came, expected 1 in all");
  }

  @Test
  void aClientThatPassesTheLimitOfUnansweredFrames() throws Exception {
    ClientCase strict = named("frames/one-at-a-time");
    ClientCaseRunner runner =
        new ClientCaseRunner(
            request -> {
              var careless = request.toBuilder();
              careless.getOptionsBuilder().setMaxUnansweredFrames(4).setMaxFrameInvocations(1);
              return new JavaDriver().run(careless.build());
            });

    assertFailed(runner.run(strict), "frames are unanswered, expected at most 1");
  }

  @Test
  void aProcessThatHangs() throws Exception {
    assertProcess(
        List.of("sleep", "60"), Duration.ofSeconds(1), Verdict.HUNG, "no answer within 1 s");
  }

  @Test
  void aProcessThatCrashes() throws Exception {
    assertProcess(
        List.of("sh", "-c", "read line; echo 'out of luck' >&2; exit 3"),
        Verdict.CRASHED,
        "ended, with status 3: out of luck");
  }

  @Test
  void aProcessThatAnswersNonsense() throws Exception {
    assertProcess(List.of("cat"), Verdict.CRASHED, "answered what is no DriverResponse");
  }

  @Test
  void aProcessThatIsNotThere() throws Exception {
    assertProcess(List.of("/nowhere/to/be/found"), Verdict.CRASHED, "can't be started");
  }

  private static void assertProcess(List<String> command, Verdict verdict, String message)
      throws InterruptedException {
    assertProcess(command, Duration.ofSeconds(60), verdict, message);
  }

  private static void assertProcess(
      List<String> command, Duration patience, Verdict verdict, String message)
      throws InterruptedException {
    try (Driver driver = new ProcessDriver(command, patience)) {
      ClientResult result = new ClientCaseRunner(driver).run(ONE_CALL);

      assertThat(result.verdict()).isEqualTo(verdict);
      assertThat(String.join("\n", result.problems())).contains(message);
    }
  }

  @Test
  void aKnownFailureThatPasses() throws Exception {
    assertThat(with(ONE_CALL, response -> response).known().verdict())
        .isEqualTo(Verdict.UNEXPECTED_PASS);
    assertThat(with(ONE_CALL, DriverResponse::getDefaultInstanceForType).known().isFailure())
        .isFalse();
  }
}
