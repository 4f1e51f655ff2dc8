package dev.seriatim.stub;

/**
 * The reasons that {@link FailureCause#reason()} gives. The first group comes from the host, and
 * the contract of {@code seriatim.v1} says when; a newer host may send others. The second group is
 * found out by this client.
 */
public final class Reasons {
  /** The method threw, or failed its reply. */
  public static final String OBJECT_EXCEPTION = "OBJECT_EXCEPTION";

  /** The object could not be made. */
  public static final String OBJECT_START_FAILED = "OBJECT_START_FAILED";

  /** The namespace's service has no such method. */
  public static final String UNKNOWN_METHOD = "UNKNOWN_METHOD";

  /** The argument is not the method's request type. */
  public static final String MALFORMED_ARGUMENT = "MALFORMED_ARGUMENT";

  /** The call's deadline, or the host's limit on a turn, ran out. */
  public static final String INVOCATION_TIMED_OUT = "INVOCATION_TIMED_OUT";

  /** The object was aborted, a commit failed, or the turn was cut off. */
  public static final String OBJECT_RESET = "OBJECT_RESET";

  /** A limit of the host was passed. */
  public static final String OVERLOADED = "OVERLOADED";

  /** The host is shutting down. */
  public static final String HOST_DRAINING = "HOST_DRAINING";

  /**
   * No host had the object in time, or none that serves its namespace. Nothing was delivered to it.
   */
  public static final String OWNER_UNAVAILABLE = "OWNER_UNAVAILABLE";

  /** The object went to another host, and the stub could not go along. */
  public static final String OBJECT_MOVED = "OBJECT_MOVED";

  /** The host serves no such namespace. */
  public static final String UNKNOWN_NAMESPACE = "UNKNOWN_NAMESPACE";

  /** The id or the name can't be one of this namespace. */
  public static final String INVALID_ID = "INVALID_ID";

  /** An invocation had the wrong number. */
  public static final String SEQUENCE_VIOLATION = "SEQUENCE_VIOLATION";

  /** The frames that were sent break the rules of the contract. */
  public static final String PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION";

  /**
   * The host may have forgotten what a {@linkplain DurableObjectNamespace#resumable() resumable}
   * stub's session has executed: it was away for too long.
   */
  public static final String SESSION_EXPIRED = "SESSION_EXPIRED";

  /**
   * Another connection of a resumable stub's session is newer. A stub tries again with a higher
   * number, so this is seen only where two stubs share a session's id.
   */
  public static final String SESSION_SUPERSEDED = "SESSION_SUPERSEDED";

  /**
   * The {@linkplain DurableObjectStub#IDEMPOTENCY_KEY idempotency key} belongs to a call with
   * another method or another argument.
   */
  public static final String IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH";

  /** The host doesn't know the caller: the call had no credentials, or some that don't count. */
  public static final String UNAUTHENTICATED = "UNAUTHENTICATED";

  /** The caller may not open the object, or may not call the method. */
  public static final String PERMISSION_DENIED = "PERMISSION_DENIED";

  /**
   * The credentials ran out, or the caller's rights changed, while the stub was open; or the host
   * can't verify them for now. The next stub comes with new ones.
   */
  public static final String CREDENTIALS_EXPIRED = "CREDENTIALS_EXPIRED";

  /** The stub's connection ended without a word from the host about why. The stub is broken. */
  public static final String CONNECTION_LOST = "CONNECTION_LOST";

  /** The host's frames break the rules of the contract. The stub is broken. */
  public static final String HOST_VIOLATION = "HOST_VIOLATION";

  /**
   * A call's deadline passed, and no word of it came from the host: see {@link
   * ClientOptions#deadlineGrace()}. Only that call has failed; the stub is not broken. Or the host
   * didn't end a stub that had nothing left within {@link ClientOptions#endTimeout()}, and the stub
   * is broken.
   */
  public static final String ANSWER_OVERDUE = "ANSWER_OVERDUE";

  /**
   * The stub was not open within {@link ClientOptions#openTimeout()}: there was no connection, or
   * it carries as many stubs as it may, or the host said nothing. The stub is broken.
   */
  public static final String OPEN_OVERDUE = "OPEN_OVERDUE";

  /** {@link DurableObjectStub#cancel} was called. The stub is broken. */
  public static final String STUB_CANCELLED = "STUB_CANCELLED";

  /** This client failed in a way that it should not. The stub is broken. */
  public static final String CLIENT_FAULT = "CLIENT_FAULT";

  /** The call was made after {@link DurableObjectStub#close}. */
  public static final String STUB_CLOSED = "STUB_CLOSED";

  /** The call was cancelled by its caller, or with its context. The stub is not broken. */
  public static final String CALL_CANCELLED = "CALL_CANCELLED";

  /** The call can't be made on a stub at all; its message says why. The stub is not broken. */
  public static final String CALL_REFUSED = "CALL_REFUSED";

  /** The call is over {@link ClientOptions#maxInvocationBytes()}. The stub is not broken. */
  public static final String CALL_TOO_LARGE = "CALL_TOO_LARGE";

  /**
   * The stub's buffer has no room for the call: see {@link ClientOptions#maxBufferedInvocations()}
   * and {@link ClientOptions#maxBufferedBytes()}. The stub is not broken.
   */
  public static final String BUFFER_FULL = "BUFFER_FULL";

  private Reasons() {}
}
