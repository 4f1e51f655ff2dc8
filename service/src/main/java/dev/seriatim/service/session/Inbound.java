package dev.seriatim.service.session;

import dev.seriatim.wire.Invocation;
import java.util.List;

/** What stands in a stub's queue. */
sealed interface Inbound {
  /**
   * The invocations of one frame, in order.
   *
   * @param room what they take in memory, and have taken of the budget
   * @param arrivedNanos when it came, on the host's ticker
   */
  record Invocations(List<Invocation> invocations, long room, long arrivedNanos)
      implements Inbound {}

  /** The session, of which this is a connection, is to be found. Comes first. */
  record Claim(SessionOpen open) implements Inbound {}

  /** Something that breaks the stub when its turn comes. */
  record Failure(BreakCause cause) implements Inbound {}

  /** The client has half-closed: nothing comes behind this. */
  record HalfClose() implements Inbound {}
}
