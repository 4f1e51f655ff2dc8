package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.Ask;
import dev.seriatim.conformance.v1.Call;
import dev.seriatim.conformance.v1.EchoRequest;
import dev.seriatim.conformance.v1.ExpectJournal;
import dev.seriatim.conformance.v1.ExpectedOutcome;
import dev.seriatim.conformance.v1.ReadJournalRequest;
import dev.seriatim.conformance.v1.ReadJournalResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Outcome;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.time.Duration;

/** What one run of one case calls on stubs of its own, beside those of the case. */
final class Asides {
  private static final int ROUND_TRIPS_OF_A_BARRIER = 8;

  private final Variables variables;
  private final Connection connection;
  private final Duration patience;
  private int count;

  /** Where these stubs are opened. */
  @FunctionalInterface
  interface Connection {
    ManagedChannel get() throws CaseFailure;
  }

  /**
   * Belongs to the thread of the run.
   *
   * @param connection where these stubs are opened, but for those of a barrier
   */
  Asides(Variables variables, Connection connection, Duration patience) {
    this.variables = variables;
    this.connection = connection;
    this.patience = patience;
  }

  void ask(Ask unexpanded) throws CaseFailure, InterruptedException {
    Ask ask = variables.expand(unexpanded);
    Open.Builder open =
        Open.newBuilder().setNamespace(ask.getNamespace().isEmpty() ? "PROBE" : ask.getNamespace());
    if (ask.hasId()) {
      open.setId(ask.getId());
    } else {
      open.setName(ask.getName());
    }
    aside(open.build(), ask.getCall(), ask.getOutcome());
  }

  void journal(ExpectJournal unexpanded) throws CaseFailure, InterruptedException {
    ExpectJournal expected = variables.expand(unexpanded);
    Open.Builder open =
        Open.newBuilder()
            .setNamespace(expected.getNamespace().isEmpty() ? "PROBE" : expected.getNamespace());
    if (expected.hasId()) {
      open.setId(expected.getId());
    } else {
      open.setName(expected.getName());
    }
    Outcome outcome =
        aside(
            open.build(),
            Call.newBuilder().setReadJournal(ReadJournalRequest.getDefaultInstance()).build(),
            ExpectedOutcome.newBuilder()
                .setReadJournal(ReadJournalResponse.getDefaultInstance())
                .build());
    try {
      Comparison.check(expected, ReadJournalResponse.parseFrom(outcome.getMessage()));
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new CaseFailure("the journal doesn't parse: " + e.getMessage());
    }
  }

  /** One call on a stub of its own, beside those of the case. */
  private Outcome aside(Open open, Call call, ExpectedOutcome expected)
      throws CaseFailure, InterruptedException {
    count++;
    ConnectCall stub = new ConnectCall("(aside)" + count, connection.get(), false);
    try {
      return roundTrip(stub, open, call, expected);
    } finally {
      stub.release();
    }
  }

  private Outcome roundTrip(ConnectCall stub, Open open, Call call, ExpectedOutcome expected)
      throws CaseFailure, InterruptedException {
    stub.send(
        ConnectRequest.newBuilder()
            .setOpen(open)
            .addInvocations(Calls.invocation(call, 1))
            .build());
    stub.halfClose();
    String what = "asking " + open.getNamespace() + " aside: ";
    StubEvent opened = stub.next("opened", patience);
    if (!(opened instanceof StubEvent.IsOpen)) {
      throw new CaseFailure(what + "expected opened, but " + opened + " came");
    }
    StubEvent event = stub.next("the outcome", patience);
    if (!(event instanceof StubEvent.Completed(Outcome outcome))) {
      throw new CaseFailure(what + "expected an outcome, but " + event + " came");
    }
    Comparison.check(expected, outcome);
    StubEvent end = stub.next("the end of the call", patience);
    if (!(end instanceof StubEvent.Ended(Status status)) || !status.isOk()) {
      throw new CaseFailure(what + "expected the end of the call with OK, but " + end + " came");
    }
    return outcome;
  }

  /** Makes calls one after the other on this connection. */
  void barrier(ManagedChannel connection) throws CaseFailure, InterruptedException {
    Open open =
        Open.newBuilder().setNamespace("PROBE").setName(variables.expand("${barrier}")).build();
    Call echo = Call.newBuilder().setEcho(EchoRequest.newBuilder().setText("barrier")).build();
    for (int i = 0; i < ROUND_TRIPS_OF_A_BARRIER; i++) {
      ConnectCall stub = new ConnectCall("(barrier)", connection, false);
      try {
        roundTrip(stub, open, echo, ExpectedOutcome.getDefaultInstance());
      } finally {
        stub.release();
      }
    }
  }
}
