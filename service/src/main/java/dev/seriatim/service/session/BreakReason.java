package dev.seriatim.service.session;

/** Why a stub breaks: the reasons of the wire contract, by the names that they have there. */
public enum BreakReason {
  OBJECT_EXCEPTION,
  OBJECT_START_FAILED,
  UNKNOWN_METHOD,
  MALFORMED_ARGUMENT,
  INVOCATION_TIMED_OUT,
  OBJECT_RESET,
  CALL_CYCLE,
  OVERLOADED,
  HOST_DRAINING,
  OWNER_UNAVAILABLE,
  OBJECT_MOVED,
  UNKNOWN_NAMESPACE,
  INVALID_ID,
  SEQUENCE_VIOLATION,
  PROTOCOL_VIOLATION
}
