package dev.seriatim.conformance;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.rpc.Code;
import dev.seriatim.conformance.v1.Call;
import dev.seriatim.conformance.v1.Case;
import dev.seriatim.conformance.v1.Connect;
import dev.seriatim.conformance.v1.Direct;
import dev.seriatim.conformance.v1.Expect;
import dev.seriatim.conformance.v1.ExpectCallEnd;
import dev.seriatim.conformance.v1.ExpectNothing;
import dev.seriatim.conformance.v1.ExpectedOpened;
import dev.seriatim.conformance.v1.ExpectedOutcome;
import dev.seriatim.conformance.v1.Send;
import dev.seriatim.conformance.v1.SendParts;
import dev.seriatim.conformance.v1.Start;
import dev.seriatim.conformance.v1.Step;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** One run of one case: takes its steps, and owns the stubs and connections that they open. */
final class CaseRun implements AutoCloseable {
  private static final int UNKNOWN_FIELD = 15_000;
  private static final String ON_LANES = "lanes";
  private static final String ASIDE = "(aside)";

  /** Who may do everything, where a host asks who calls. */
  private static final String WHOEVER = "all";

  private final Case testCase;
  private final Target target;
  private final Duration patience;
  private final Variables variables;
  private final Map<String, ManagedChannel> connections = new HashMap<>();
  private final Map<String, ConnectCall> stubs = new LinkedHashMap<>();
  private final Map<String, String> connectionOfStub = new HashMap<>();
  private final Map<String, Open> opens = new HashMap<>();
  private final Asides asides;
  private final Sessions sessions;

  CaseRun(Case testCase, Target target, Duration patience) {
    this.testCase = testCase;
    this.target = target;
    this.patience = patience;
    variables = new Variables(testCase.getName());
    sessions = new Sessions(variables);
    asides = new Asides(variables, () -> connection(ASIDE), patience);
  }

  void run() throws CaseFailure, InterruptedException {
    steps(testCase.getStepsList(), "step ");
    for (Map.Entry<String, ConnectCall> stub : stubs.entrySet()) {
      StubEvent event = stub.getValue().unexpected();
      if (event != null) {
        throw new CaseFailure(
            "at the end, stub %s: nothing more was expected, but %s came"
                .formatted(stub.getKey(), event));
      }
    }
  }

  @Override
  public void close() {
    stubs.values().forEach(ConnectCall::release);
    connections.values().forEach(ManagedChannel::shutdownNow);
  }

  private void steps(List<Step> steps, String prefix) throws CaseFailure, InterruptedException {
    int number = 0;
    for (Step step : steps) {
      number++;
      String where = prefix + number;
      if (step.hasRepeat()) {
        for (int round = 1; round <= step.getRepeat().getCount(); round++) {
          variables.set("i", Integer.toString(round));
          steps(step.getRepeat().getStepsList(), where + " (round " + round + "), step ");
        }
      } else {
        try {
          take(step);
        } catch (CaseFailure e) {
          throw new CaseFailure(where + ", " + e.getMessage());
        }
      }
    }
  }

  private void take(Step step) throws CaseFailure, InterruptedException {
    switch (step.getStepCase()) {
      case START -> start(variables.expand(step.getStart()), /* compressed= */ false);
      case SEND -> send(step.getSend());
      case HALF_CLOSE -> stub(step.getHalfClose().getStub()).halfClose();
      case CANCEL -> stub(step.getCancel().getStub()).cancel();
      case PAUSE -> stub(step.getPause().getStub()).pause();
      case RESUME -> stub(step.getResume().getStub()).resume();
      case DISCONNECT -> disconnect(step.getDisconnect().getConnection());
      case EXPECT -> expect(step.getExpect());
      case EXPECT_NOTHING -> expectNothing(step.getExpectNothing());
      case ASK -> asides.ask(step.getAsk());
      case JOURNAL -> asides.journal(step.getJournal());
      case BARRIER ->
          asides.barrier(connection(variables.expand(step.getBarrier().getConnection())));
      case DESCRIBE_NAMESPACE ->
          new UnaryCalls(connection(ASIDE), patience)
              .describeNamespace(variables.expand(step.getDescribeNamespace()));
      case LIST_NAMESPACES ->
          new UnaryCalls(connection(ASIDE), patience).listNamespaces(step.getListNamespaces());
      case DIRECT -> {
        Direct direct = variables.expand(step.getDirect());
        String on = direct.getConnection().isEmpty() ? ASIDE : direct.getConnection();
        new UnaryCalls(connection(on), patience).direct(direct);
      }
      case DRAIN -> target.drain();
      case OPEN_GATE -> target.openGate(variables.expand(step.getOpenGate().getGate()));
      case SEND_PARTS -> {
        SendParts parts = variables.expand(step.getSendParts());
        lanes(parts.getConnection())
            .send(parts.hasRaw() ? parts.getRaw() : parts.getMessage().toByteString());
      }
      case HALF_CLOSE_CALL -> lanes(step.getHalfCloseCall().getConnection()).halfClose();
      case CANCEL_CALL -> {
        ignore(step.getCancelCall().getConnection());
        lanes(step.getCancelCall().getConnection()).cancel();
      }
      case EXPECT_CALL_END -> expectCallEnd(step.getExpectCallEnd());
      case GATHER -> {
        lanes(step.getGather().getConnection()).holdBack();
        steps(step.getGather().getStepsList(), "gathered step ");
        lanes(step.getGather().getConnection()).letGo();
      }
      case RESTART -> restart();
      case CONNECT -> connect(step.getConnect());
      case REPEAT, STEP_NOT_SET -> throw new CaseFailure("the case has a step without content");
    }
  }

  private void connect(Connect connect) throws CaseFailure {
    String name = connect.getConnection();
    if (connections.containsKey(name)) {
      throw new CaseFailure("the case opens connection '" + name + "' twice");
    }
    connections.put(name, open(connect.getCaller()));
  }

  /** A connection whose calls show the token of this caller; none, if that is empty. */
  private ManagedChannel open(String caller) throws CaseFailure {
    ManagedChannel connection = target.connect();
    if (!caller.isEmpty()) {
      String token = target.tokens().get(caller);
      if (token == null) {
        connection.shutdownNow();
        throw new CaseFailure("there is no token for the caller '" + caller + "'");
      }
      connection = new CallerChannel(connection, token);
    }
    return target.onLanes() || testCase.getRequiresList().contains(ON_LANES)
        ? new LaneChannel(connection)
        : connection;
  }

  private void start(Start start, boolean compressed) throws CaseFailure {
    if (stubs.containsKey(start.getStub())) {
      throw new CaseFailure("the case starts stub " + start.getStub() + " twice");
    }
    stubs.put(
        start.getStub(),
        new ConnectCall(
            start.getStub(),
            connection(start.getConnection()),
            start.getPaused(),
            options(start, compressed)));
    connectionOfStub.put(start.getStub(), start.getConnection());
  }

  private static CallOptions options(Start start, boolean compressed) {
    CallOptions options =
        compressed ? CallOptions.DEFAULT.withCompression("gzip") : CallOptions.DEFAULT;
    return start.getNoCredit() ? options.withOption(LaneCall.NO_CREDIT, true) : options;
  }

  private void send(Send unexpanded) throws CaseFailure {
    String name = variables.expand(unexpanded.getStub());
    ConnectCall stub = stubs.get(name);
    if (stub == null) {
      start(Start.newBuilder().setStub(name).build(), unexpanded.getCompressed());
      stub = stub(name);
    }
    if (unexpanded.hasRaw()) {
      stub.send(unexpanded.getRaw());
      return;
    }
    for (int frame = 0; frame < Math.max(1, unexpanded.getFrames()); frame++) {
      ConnectRequest.Builder request =
          ConnectRequest.newBuilder().setAcknowledgedThrough(unexpanded.getAcknowledgedThrough());
      if (unexpanded.hasOpen() && frame == 0) {
        Open open = sessions.open(variables.expand(unexpanded.getOpen()), stub);
        opens.putIfAbsent(name, open);
        request.setOpen(open);
      }
      long sequence = stub.nextSequence();
      for (Call call : unexpanded.getCallsList()) {
        for (int i = 0; i < Math.max(1, call.getRepeat()); i++) {
          sequence = call.hasSequence() ? call.getSequence() : sequence;
          variables.set("seq", Long.toUnsignedString(sequence));
          request.addInvocations(Calls.invocation(variables.expand(call), sequence));
          sequence++;
        }
      }
      if (unexpanded.getUnknownFieldBytes() > 0) {
        request.setUnknownFields(
            UnknownFieldSet.newBuilder()
                .addField(
                    UNKNOWN_FIELD,
                    UnknownFieldSet.Field.newBuilder()
                        .addLengthDelimited(
                            ByteString.copyFrom(new byte[unexpanded.getUnknownFieldBytes()]))
                        .build())
                .build());
      }
      stub.send(request.build());
    }
  }

  private void disconnect(String connection) throws CaseFailure, InterruptedException {
    ManagedChannel cut = connection(connection).shutdownNow();
    ignore(connection);
    // What a case does then comes to the host behind the end of the connection.
    if (!cut.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new CaseFailure(
          "connection '%s' did not end within %s".formatted(connection, patience));
    }
  }

  private void restart() {
    stubs.values().forEach(ConnectCall::ignore);
    connections.values().forEach(ManagedChannel::shutdownNow);
    connections.clear();
    target.restart();
  }

  /** Forgets what comes on the stubs of a connection. */
  private void ignore(String connection) {
    connectionOfStub.forEach(
        (stub, on) -> {
          if (on.equals(connection)) {
            Objects.requireNonNull(stubs.get(stub)).ignore();
          }
        });
  }

  private void expectCallEnd(ExpectCallEnd expected) throws CaseFailure, InterruptedException {
    Status end = lanes(expected.getConnection()).end(patience);
    List<Code> codes = expected.getCodesCount() == 0 ? List.of(Code.OK) : expected.getCodesList();
    if (!codes.contains(Code.forNumber(end.getCode().value()))) {
      throw new CaseFailure(
          "the shared call ended with %s, expected %s".formatted(Text.of(end), codes));
    }
    for (String part : expected.getMessageContainsList()) {
      if (!String.valueOf(end.getDescription()).contains(part)) {
        throw new CaseFailure(
            "the shared call ended with %s, expected its message to contain '%s'"
                .formatted(Text.of(end), part));
      }
    }
  }

  private void expect(Expect unexpanded) throws CaseFailure, InterruptedException {
    String name = variables.expand(unexpanded.getStub());
    ConnectCall stub = stub(name);
    if (unexpanded.hasOpened()) {
      StubEvent event = stub.next("opened", patience);
      if (!(event instanceof StubEvent.IsOpen(Opened opened))) {
        throw new CaseFailure("stub " + name + ": expected opened, but " + event + " came");
      }
      try {
        opened(name, unexpanded.getOpened(), opened);
        Sessions.opened(unexpanded.getOpened(), opened, stub);
      } catch (CaseFailure e) {
        throw new CaseFailure("stub " + name + ": " + e.getMessage());
      }
    }
    for (ExpectedOutcome outcome : unexpanded.getOutcomesList()) {
      for (int i = 0; i < Math.max(1, outcome.getRepeat()); i++) {
        outcome(name, stub, outcome);
      }
    }
    if (unexpanded.hasBroken()) {
      StubEvent event = stub.next("broken " + unexpanded.getBroken().getReason(), patience);
      if (!(event instanceof StubEvent.IsBroken(Broken broken))) {
        throw new CaseFailure(
            "stub %s: expected broken %s, but %s came"
                .formatted(name, unexpanded.getBroken().getReason(), event));
      }
      try {
        FailureChecks.broken(variables.expand(unexpanded.getBroken()), broken);
      } catch (CaseFailure e) {
        throw new CaseFailure(
            "stub %s: %s, in broken {%s}".formatted(name, e.getMessage(), Text.oneLine(broken)));
      }
      // FrameRules has checked that the status is that of the frame.
      StubEvent end = stub.next("the end of the call behind broken", patience);
      if (!(end instanceof StubEvent.Ended)) {
        throw new CaseFailure("stub " + name + ": expected the end of the call, but got " + end);
      }
    }
    if (unexpanded.hasEnd()) {
      StubEvent event = stub.next("the end of the call", patience);
      while (event instanceof StubEvent.Completed && unexpanded.getEnd().getMaybeOutcomes()) {
        event = stub.next("the end of the call behind an outcome", patience);
      }
      if (event instanceof StubEvent.IsBroken && unexpanded.getEnd().getMaybeBroken()) {
        event = stub.next("the end of the call behind broken", patience);
      }
      if (!(event instanceof StubEvent.Ended(Status status))) {
        throw new CaseFailure(
            "stub " + name + ": expected the end of the call, but " + event + " came");
      }
      FailureChecks.end(name, unexpanded.getEnd(), status);
    }
  }

  private void opened(String stub, ExpectedOpened unexpanded, Opened opened) throws CaseFailure {
    ExpectedOpened expected = variables.expand(unexpanded);
    if (expected.hasId() && !expected.getId().equals(opened.getId())) {
      throw new CaseFailure(
          "opened has id '%s', expected '%s'".formatted(opened.getId(), expected.getId()));
    }
    if (expected.hasName() != opened.hasName() || !expected.getName().equals(opened.getName())) {
      throw new CaseFailure(
          "opened has %s, expected %s"
              .formatted(
                  opened.hasName() ? "name '" + opened.getName() + "'" : "no name",
                  expected.hasName() ? "name '" + expected.getName() + "'" : "none"));
    }
    if (!expected.getCaptureId().isEmpty()) {
      variables.set(expected.getCaptureId(), opened.getId());
    }
    if (expected.getIdIsDerived()) {
      Open open = Objects.requireNonNull(opens.get(stub), "the stub has sent open");
      String uniqueKey = new UnaryCalls(connection(ASIDE), patience).uniqueKey(open.getNamespace());
      String derived = IdDerivation.fromName(uniqueKey, open.getName());
      if (!derived.equals(opened.getId())) {
        throw new CaseFailure(
            "rule 19: opened has id '%s', but unique key '%s' and name '%s' give '%s'"
                .formatted(opened.getId(), uniqueKey, Text.cut(open.getName()), derived));
      }
    }
  }

  private void outcome(String name, ConnectCall stub, ExpectedOutcome unexpanded)
      throws CaseFailure, InterruptedException {
    StubEvent event = stub.next("an outcome", patience);
    if (!(event instanceof StubEvent.Completed(Outcome outcome))) {
      throw new CaseFailure("stub " + name + ": expected an outcome, but " + event + " came");
    }
    variables.set("seq", Long.toUnsignedString(outcome.getSequence()));
    try {
      Comparison.check(variables.expand(unexpanded), outcome);
    } catch (CaseFailure e) {
      throw new CaseFailure("stub " + name + ": " + e.getMessage());
    }
  }

  private void expectNothing(ExpectNothing expected) throws CaseFailure {
    String name = variables.expand(expected.getStub());
    StubEvent event = stub(name).unexpected();
    if (event != null) {
      throw new CaseFailure("stub %s: nothing was expected, but %s came".formatted(name, event));
    }
  }

  private ManagedChannel connection(String name) throws CaseFailure {
    ManagedChannel connection = connections.get(name);
    if (connection == null) {
      connection = open(target.tokens().containsKey(WHOEVER) ? WHOEVER : "");
      connections.put(name, connection);
    }
    return connection;
  }

  /** The call that the stubs of a connection share. */
  private ManyLanes lanes(String connection) throws CaseFailure {
    if (connection(connection) instanceof LaneChannel lanes) {
      return lanes.call();
    }
    throw new CaseFailure("the stubs of a case that doesn't require lanes share no call");
  }

  private ConnectCall stub(String unexpanded) throws CaseFailure {
    String name = variables.expand(unexpanded);
    ConnectCall stub = stubs.get(name);
    if (stub == null) {
      throw new CaseFailure("the case has not started stub '" + name + "'");
    }
    return stub;
  }
}
