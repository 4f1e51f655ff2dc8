package dev.seriatim.conformance.client;

import static java.util.regex.Pattern.CASE_INSENSITIVE;

import com.google.protobuf.ProtocolStringList;
import com.google.protobuf.TextFormat;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverResult;
import dev.seriatim.conformance.v1.DriverStep;
import dev.seriatim.conformance.v1.DriverStubState;
import dev.seriatim.conformance.v1.ExpectedBreak;
import dev.seriatim.conformance.v1.ExpectedResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** Compares what a caller saw with what a case expects. */
final class CallerComparison {
  private static final int MOST_PROBLEMS = 8;

  /** The reason of a call that its caller gave up; each language tells it in its own way. */
  private static final String GIVEN_UP = "CALL_CANCELLED";

  private static final String LOST = "CONNECTION_LOST";

  /** What libraries say who know more than that. */
  private static final Pattern SAYS_NOTHING =
      Pattern.compile("|io exception|fetch failed|the connection was lost", CASE_INSENSITIVE);

  private final List<String> problems = new ArrayList<>();

  private CallerComparison() {}

  /** What is wrong; empty if nothing is. */
  static List<String> compare(
      ClientCase testCase, List<DriverStep> steps, DriverResponse response) {
    if (!response.getDriverFault().isEmpty()) {
      return List.of("the driver's own fault: " + response.getDriverFault());
    }
    CallerComparison comparison = new CallerComparison();
    comparison.results(testCase, callsIn(steps), response.getResultsList());
    comparison.stubs(testCase, steps, response.getStubsList());
    if (comparison.problems.size() > MOST_PROBLEMS) {
      int more = comparison.problems.size() - MOST_PROBLEMS;
      comparison.problems.subList(MOST_PROBLEMS, comparison.problems.size()).clear();
      comparison.problems.add("and " + more + " more");
    }
    return comparison.problems;
  }

  /** How many calls the caller makes. */
  static int callsIn(List<DriverStep> steps) {
    int calls = 0;
    for (DriverStep step : steps) {
      if (step.hasCall()) {
        calls += Math.max(1, step.getCall().getTimes());
      } else if (step.hasIdFromName() || (step.hasOpen() && step.getOpen().hasIdOf())) {
        calls++;
      }
    }
    return calls;
  }

  private void results(ClientCase testCase, int calls, List<DriverResult> results) {
    if (results.size() != calls) {
      problems.add("reported " + results.size() + " results of " + calls + " calls");
      return;
    }
    boolean[] seen = new boolean[calls + 1];
    for (ExpectedResult expected : testCase.getResultsList()) {
      int last = Math.max(expected.getFirst(), expected.getLast());
      for (int call = expected.getFirst(); call <= last; call++) {
        if (call < 1 || call > calls || seen[call]) {
          problems.add(
              "the case expects something of call " + call + " twice, or has no such call");
          continue;
        }
        seen[call] = true;
        result(call, expected, results.get(call - 1));
      }
    }
    for (int call = 1; call <= calls; call++) {
      if (!seen[call]) {
        problems.add("the case expects nothing of call " + call);
      }
    }
  }

  private void result(int call, ExpectedResult expected, DriverResult actual) {
    List<String> wrong = new ArrayList<>();
    if (actual.getOk()) {
      if (!expected.getOk() && !expected.getOrOk()) {
        wrong.add("succeeded, expected a failure");
      } else {
        String text = expected.getText().isEmpty() ? "#" : expected.getText();
        differ(wrong, "text", text.replace("#", String.valueOf(call)), actual.getText());
        if (actual.getPaddingBytes() != expected.getPaddingBytes()) {
          differ(
              wrong,
              "padding bytes",
              String.valueOf(expected.getPaddingBytes()),
              String.valueOf(actual.getPaddingBytes()));
        }
      }
    } else if (expected.getOk()) {
      wrong.add("failed, expected success");
    } else {
      failure(call, expected, actual, wrong);
    }
    if (!wrong.isEmpty()) {
      problems.add(
          "call " + call + ": " + String.join("; ", wrong) + "; it was " + oneLine(actual));
    }
  }

  private static void failure(
      int call, ExpectedResult expected, DriverResult actual, List<String> wrong) {
    oneOf(
        wrong, "code", expected.getCodesList().stream().map(Enum::name).toList(), actual.getCode());
    if (!actual.getMessage().contains(expected.getMessageContains())) {
      wrong.add("the message doesn't contain '" + expected.getMessageContains() + "'");
    }
    if (!expected.getMessageMatches().isEmpty()
        && !actual.getMessage().matches(expected.getMessageMatches())) {
      wrong.add("the message doesn't match '" + expected.getMessageMatches() + "'");
    }
    if (expected.getOtherError()) {
      oneOf(wrong, "reason", expected.getReasonsList(), actual.getReason());
      return;
    }
    if (actual.getFate().isEmpty()) {
      wrong.add("the error is not one of the library's own: " + actual.getUnexpected());
      return;
    }
    ProtocolStringList reasons = expected.getReasonsList();
    if (expected.getNoReason()) {
      differ(wrong, "reason", "", actual.getReason());
    } else {
      oneOf(wrong, "reason", reasons, actual.getReason());
    }
    oneOf(wrong, "fate", expected.getFatesList(), actual.getFate());
    if (expected.hasRetryable()) {
      differ(wrong, "retryable", expected.getRetryable(), actual.getRetryable());
    }
    if (expected.hasOverloaded()) {
      differ(wrong, "overloaded", expected.getOverloaded(), actual.getOverloaded());
    }
    if (expected.hasRemote()) {
      differ(wrong, "remote", expected.getRemote(), actual.getRemote());
    }
    if (expected.hasFailedSequence()) {
      differ(
          wrong,
          "failed sequence",
          Long.toUnsignedString(expected.getFailedSequence()),
          number(actual.getFailedSequence()));
    }
    if (expected.hasSequence()) {
      long sequence =
          expected.getSequence() == 0 ? 0 : expected.getSequence() + call - expected.getFirst();
      differ(wrong, "sequence", String.valueOf(sequence), number(actual.getSequence()));
    }
    if (!actual.getReason().equals(GIVEN_UP)) {
      text(actual, wrong);
    }
  }

  /** What a user sees: the cause's own message, and what became of the call. */
  private static void text(DriverResult actual, List<String> wrong) {
    String cause = actual.getCauseMessage();
    if (actual.getReason().equals(LOST) && SAYS_NOTHING.matcher(cause).matches()) {
      wrong.add("the cause's message '" + cause + "' doesn't say what happened");
    }
    String reason = actual.getReason().isEmpty() ? "no reason" : actual.getReason();
    long sequence = Long.parseUnsignedLong(number(actual.getSequence()));
    long failed = Long.parseUnsignedLong(number(actual.getFailedSequence()));
    String call = sequence == 0 ? "" : ", call " + Long.toUnsignedString(sequence);
    if (failed != 0 && Long.compareUnsigned(failed, sequence) < 0) {
      call += " behind " + Long.toUnsignedString(failed);
    }
    String said = cause.isEmpty() ? "no message" : cause;
    String expected = said + " [" + reason + call + ", " + actual.getFate() + "]";
    differ(wrong, "message", expected, actual.getMessage());
  }

  private static String number(String digits) {
    return digits.isEmpty() ? "0" : digits;
  }

  private void stubs(ClientCase testCase, List<DriverStep> steps, List<DriverStubState> states) {
    Map<String, ExpectedBreak> breaks = new HashMap<>();
    testCase.getBreaksList().forEach(one -> breaks.put(one.getStub(), one));
    List<String> opened =
        steps.stream().filter(DriverStep::hasOpen).map(one -> one.getOpen().getStub()).toList();
    List<String> reported = states.stream().map(DriverStubState::getStub).toList();
    if (!reported.equals(opened)) {
      problems.add("reported the stubs " + reported + ", expected " + opened);
      return;
    }
    for (DriverStubState state : states) {
      ExpectedBreak expected = breaks.get(state.getStub());
      List<String> wrong = new ArrayList<>();
      boolean orNot = expected != null && expected.getOrNot();
      if (!orNot) {
        differ(wrong, "broken", expected != null, state.getBroken());
      }
      if (expected != null && state.getBroken()) {
        if (expected.getReasonsCount() == 0) {
          differ(wrong, "reason", "", state.getReason());
        } else {
          oneOf(wrong, "reason", expected.getReasonsList(), state.getReason());
        }
      }
      boolean told = orNot ? state.getBroken() : expected != null;
      differ(wrong, "breaks told", told ? 1 : 0, state.getBreaksTold());
      if (testCase.getResumableList().contains(state.getStub())) {
        differ(wrong, "resumable", true, state.getResumable());
      }
      if (testCase.getNotResumableList().contains(state.getStub())) {
        differ(wrong, "resumable", false, state.getResumable());
      }
      if (!wrong.isEmpty()) {
        problems.add("stub '" + state.getStub() + "': " + String.join("; ", wrong));
      }
    }
  }

  private static void oneOf(List<String> wrong, String what, List<String> expected, String actual) {
    if (!expected.isEmpty() && !expected.contains(actual)) {
      wrong.add(what + " '" + actual + "', expected " + String.join(" or ", expected));
    }
  }

  private static void differ(List<String> wrong, String what, Object expected, Object actual) {
    if (!Objects.equals(expected, actual)) {
      wrong.add(what + " '" + actual + "', expected '" + expected + "'");
    }
  }

  private static String oneLine(DriverResult actual) {
    String text = TextFormat.printer().emittingSingleLine(true).printToString(actual);
    return "{" + (text.length() > 400 ? text.substring(0, 400) + "..." : text) + "}";
  }
}
