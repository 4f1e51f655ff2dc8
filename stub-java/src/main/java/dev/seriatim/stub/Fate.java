package dev.seriatim.stub;

/** What a caller knows about the effect of a call that failed. */
public enum Fate {
  /**
   * The call was executed and its effect is durable, but its result could not be used: it didn't
   * parse as the method's response, or a listener in the way threw.
   */
  COMPLETED,

  /**
   * The call had no effect: it was never sent, or the host said that it never started, or it failed
   * and what it did was undone. It is safe to make it again.
   */
  NOT_EXECUTED,

  /**
   * The call was sent and then given up, or lost with the connection. It may or may not have been
   * executed, or may still be.
   */
  UNKNOWN
}
