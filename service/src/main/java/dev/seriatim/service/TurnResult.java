package dev.seriatim.service;

/** What became of a turn. */
public enum TurnResult {
  /** It ended well. */
  OK,
  /** The object's code, or what made the object, threw. */
  THREW,
  /** It took longer than it might. */
  TIMED_OUT,
  /** Its object was reset, or went to another host. */
  RESET,
  /** The host didn't let it run, or couldn't keep its outcome. */
  REFUSED
}
