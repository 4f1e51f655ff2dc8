package dev.seriatim.service;

/** Why an instance of an object was let go. */
public enum EvictionReason {
  /** It wasn't used for as long as {@link HostLimits#idleLimit}. */
  IDLE,
  /** There were too many, and it had not been used for longest. */
  ROOM,
  /** The object has asked for it. */
  ASKED,
  /** What it had in memory might have disagreed with the store. */
  RESET
}
