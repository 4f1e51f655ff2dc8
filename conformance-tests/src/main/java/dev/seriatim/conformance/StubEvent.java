package dev.seriatim.conformance;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import io.grpc.Status;

/** What a host told a stub, one thing at a time, however it was spread over frames. */
sealed interface StubEvent {
  /** The stub is open. */
  record IsOpen(Opened opened) implements StubEvent {
    @Override
    public String toString() {
      return "opened";
    }
  }

  /** An invocation completed. */
  record Completed(Outcome outcome) implements StubEvent {
    @Override
    public String toString() {
      return "outcome " + outcome.getSequence();
    }
  }

  /** The stub broke. */
  record IsBroken(Broken broken) implements StubEvent {
    @Override
    public String toString() {
      return "broken {" + Text.oneLine(broken) + "}";
    }
  }

  /** The call ended. Nothing comes after it. */
  record Ended(Status status) implements StubEvent {
    @Override
    public String toString() {
      return "the end of the call with " + Text.of(status);
    }
  }

  /** The host did what no host may. Nothing comes after it. */
  record Violation(String what) implements StubEvent {
    @Override
    public String toString() {
      return what;
    }
  }
}
