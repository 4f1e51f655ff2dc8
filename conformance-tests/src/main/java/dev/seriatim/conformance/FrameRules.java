package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.ErrorInfo;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.v1.Session;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What holds for every stub of every host, whatever the case. Reads the frames of one stub, splits
 * them into events, and adds a violation where a frame breaks a rule.
 *
 * <p>Not safe for several threads: {@link ConnectCall} guards it.
 */
final class FrameRules {
  static final String DOMAIN = "seriatim.dev";

  private static final int LONGEST_MESSAGE_BYTES = 2_000;

  private Map<Long, Invocation.ArgumentCase> sent = new HashMap<>();
  private @Nullable Session session; // That the client has asked for.
  private boolean started;
  private long lastOutcome;
  private @Nullable Broken broken;

  /**
   * Tells that a session is about to be asked for.
   *
   * @param known of what has been sent on any connection of the session; safe for any thread
   */
  void asking(Session asked, Map<Long, Invocation.ArgumentCase> known) {
    session = asked;
    sent = known;
    lastOutcome = asked.getAnsweredThrough();
  }

  /** Tells that an invocation is about to be sent. */
  void sending(Invocation invocation) {
    sent.putIfAbsent(invocation.getSequence(), invocation.getArgumentCase());
  }

  /** Splits a frame. A violation, if there is one, is the last event. */
  List<StubEvent> frame(ConnectResponse frame) {
    List<StubEvent> events = new ArrayList<>();
    Optional<String> violation = read(frame, events);
    violation.ifPresent(what -> events.add(new StubEvent.Violation(what)));
    return events;
  }

  /** Checks how the call ended. */
  StubEvent end(Status status) {
    if (broken != null) {
      if (status.getCode().value() != broken.getCause().getCode()) {
        return new StubEvent.Violation(
            "rule 7: the call ended with code %s, but `broken` has %s"
                .formatted(
                    status.getCode(), Status.fromCodeValue(broken.getCause().getCode()).getCode()));
      }
      String description = status.getDescription() == null ? "" : status.getDescription();
      if (!description.equals(broken.getCause().getMessage())) {
        return new StubEvent.Violation(
            "rule 7: the call ended with the message '%s', but `broken` has '%s'"
                .formatted(Text.cut(description), Text.cut(broken.getCause().getMessage())));
      }
    }
    return new StubEvent.Ended(status);
  }

  private Optional<String> read(ConnectResponse frame, List<StubEvent> events) {
    if (broken != null) {
      return Optional.of("rule 7: a frame came after `broken`: " + Text.oneLine(frame));
    }
    if (frame.hasOpened() && started) {
      return Optional.of("a frame that isn't the first has `opened`");
    }
    if (!frame.hasOpened() && !started && !frame.hasBroken()) {
      return Optional.of(
          "the first frame has neither `opened` nor `broken`: " + Text.oneLine(frame));
    }
    boolean opened = started || frame.hasOpened();
    started = true;
    if (frame.hasOpened()) {
      Opened said = frame.getOpened();
      if (!said.getId().matches("[0-9a-f]{64}")) {
        return Optional.of(
            "rule 19: opened.id is '" + said.getId() + "', not 64 lower-case hex digits");
      }
      if (said.hasSession()) {
        Optional<String> violation = session(said.getSession());
        if (violation.isPresent()) {
          return violation;
        }
      }
      events.add(new StubEvent.IsOpen(said));
    }
    for (Outcome outcome : frame.getOutcomesList()) {
      if (!opened) {
        return Optional.of("an outcome came on a stub that never opened");
      }
      Optional<String> violation = outcome(outcome);
      if (violation.isPresent()) {
        return violation;
      }
      events.add(new StubEvent.Completed(outcome));
    }
    if (frame.hasBroken()) {
      broken = frame.getBroken();
      Optional<String> violation = broken(frame.getBroken(), opened);
      if (violation.isPresent()) {
        return violation.map(
            what -> what + ", in broken {" + Text.oneLine(frame.getBroken()) + "}");
      }
      events.add(new StubEvent.IsBroken(frame.getBroken()));
    }
    return Optional.empty();
  }

  private Optional<String> session(OpenedSession said) {
    if (session == null) {
      return Optional.of("opened has a session, though open had none");
    }
    long completed = said.getCompletedThrough();
    long most = Math.max(lastOutcome, sent.keySet().stream().max(Long::compare).orElse(0L));
    if (completed < lastOutcome || completed > most) {
      return Optional.of(
          "opened.session.completed_through is %s, expected %d to %d"
              .formatted(Long.toUnsignedString(completed), lastOutcome, most));
    }
    if (!Durations.isPositive(said.getRetention())) {
      return Optional.of("opened.session has no retention");
    }
    return Optional.empty();
  }

  private Optional<String> outcome(Outcome outcome) {
    if (outcome.getSequence() != lastOutcome + 1) {
      return Optional.of(
          "rule 3: outcome %s came after outcome %d, expected %d"
              .formatted(
                  Long.toUnsignedString(outcome.getSequence()), lastOutcome, lastOutcome + 1));
    }
    lastOutcome++;
    Invocation.ArgumentCase argument = sent.get(lastOutcome);
    if (argument == null) {
      return Optional.of("outcome " + lastOutcome + " came, but no such invocation was sent");
    }
    Outcome.ResultCase form =
        argument == Invocation.ArgumentCase.JSON
            ? Outcome.ResultCase.JSON
            : Outcome.ResultCase.MESSAGE;
    if (outcome.getResultCase() != form) {
      return Optional.of(
          "outcome %d has %s, expected %s, the form of its argument"
              .formatted(lastOutcome, outcome.getResultCase(), form));
    }
    return Optional.empty();
  }

  private Optional<String> broken(Broken said, boolean opened) {
    boolean counts = opened || session == null;
    if (counts && said.getCompletedThrough() != lastOutcome) {
      return Optional.of(
          "rule 8: completed_through is %s, but outcome %d was the last"
              .formatted(Long.toUnsignedString(said.getCompletedThrough()), lastOutcome));
    }
    if (said.getCause().getCode() == 0) {
      return Optional.of("the cause of a break has code OK");
    }
    int length = said.getCause().getMessage().getBytes(UTF_8).length;
    if (length > LONGEST_MESSAGE_BYTES) {
      return Optional.of(
          "the message of the cause has %d bytes, expected at most %d"
              .formatted(length, LONGEST_MESSAGE_BYTES));
    }
    ErrorInfo info;
    try {
      info = errorInfo(said.getCause());
    } catch (CaseFailure e) {
      return Optional.ofNullable(e.getMessage());
    }
    Optional<FailureTable> row = FailureTable.of(info.getReason());
    if (row.isEmpty()) {
      return Optional.of("reason '" + info.getReason() + "' is not in the failure table");
    }
    FailureTable expected = row.get();
    if (said.getRetryable() != expected.retryable()
        || said.getOverloaded() != expected.overloaded()
        || said.getRemote() != expected.remote()) {
      return Optional.of(
          "%s came with retryable %s, overloaded %s, remote %s; expected %s, %s, %s"
              .formatted(
                  expected,
                  said.getRetryable(),
                  said.getOverloaded(),
                  said.getRemote(),
                  expected.retryable(),
                  expected.overloaded(),
                  expected.remote()));
    }
    return Optional.empty();
  }

  /** The one detail that says the reason, which must come first. */
  static ErrorInfo errorInfo(com.google.rpc.Status cause) throws CaseFailure {
    List<ErrorInfo> infos = new ArrayList<>();
    for (Any detail : cause.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        try {
          infos.add(detail.unpack(ErrorInfo.class));
        } catch (InvalidProtocolBufferException e) {
          throw new CaseFailure("the ErrorInfo of a cause doesn't parse");
        }
      }
    }
    if (infos.size() != 1) {
      throw new CaseFailure(
          "the cause has " + infos.size() + " ErrorInfo, expected one: " + Text.oneLine(cause));
    }
    if (!cause.getDetails(0).is(ErrorInfo.class)) {
      throw new CaseFailure("the ErrorInfo is not the first detail of the cause");
    }
    if (!infos.getFirst().getDomain().equals(DOMAIN)) {
      throw new CaseFailure(
          "the ErrorInfo has domain '%s', expected '%s'"
              .formatted(infos.getFirst().getDomain(), DOMAIN));
    }
    return infos.getFirst();
  }
}
