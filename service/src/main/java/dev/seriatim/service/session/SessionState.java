package dev.seriatim.service.session;

/** How far the stub has got. */
sealed interface SessionState {
  enum Simple implements SessionState {
    /** No turn of it runs. */
    WAITS,
    /** A turn of it runs. */
    IN_TURN,
    /** The last thing is in line: nothing may come behind it. A turn of it may run to its end. */
    ENDS,
    /** The last thing has left, or nothing can: nothing may be sent any more. */
    CLOSED
  }

  /**
   * Nothing may be sent any more, for its client has gone. A turn that runs goes on to its own end.
   *
   * @param lastGate the commit that the last of its outcomes waited for
   */
  record GivenUp(long lastGate) implements SessionState {}

  /** A turn of it runs, and then it breaks. */
  record BreaksAfterTurn(BreakCause cause) implements SessionState {}
}
