package dev.seriatim.conformance;

import com.google.rpc.Code;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The failure table of the contract: what a host must say beside each reason. */
enum FailureTable {
  OBJECT_EXCEPTION(null, Flag.REMOTE),
  OBJECT_START_FAILED(null, Flag.REMOTE),
  UNKNOWN_METHOD(Code.UNIMPLEMENTED, Flag.NONE),
  MALFORMED_ARGUMENT(Code.INVALID_ARGUMENT, Flag.NONE),
  INVOCATION_TIMED_OUT(Code.DEADLINE_EXCEEDED, Flag.NONE),
  OBJECT_RESET(Code.ABORTED, Flag.RETRYABLE),
  CALL_CYCLE(Code.FAILED_PRECONDITION, Flag.NONE),
  OVERLOADED(Code.RESOURCE_EXHAUSTED, Flag.OVERLOADED),
  HOST_DRAINING(Code.UNAVAILABLE, Flag.RETRYABLE),
  OWNER_UNAVAILABLE(Code.UNAVAILABLE, Flag.RETRYABLE),
  OBJECT_MOVED(Code.UNAVAILABLE, Flag.RETRYABLE),
  UNKNOWN_NAMESPACE(Code.NOT_FOUND, Flag.NONE),
  INVALID_ID(Code.INVALID_ARGUMENT, Flag.NONE),
  SEQUENCE_VIOLATION(Code.INVALID_ARGUMENT, Flag.NONE),
  PROTOCOL_VIOLATION(Code.INVALID_ARGUMENT, Flag.NONE),
  SESSION_EXPIRED(Code.FAILED_PRECONDITION, Flag.NONE),
  SESSION_SUPERSEDED(Code.ABORTED, Flag.NONE),
  IDEMPOTENCY_MISMATCH(Code.INVALID_ARGUMENT, Flag.NONE),
  UNAUTHENTICATED(Code.UNAUTHENTICATED, Flag.NONE),
  PERMISSION_DENIED(Code.PERMISSION_DENIED, Flag.NONE),
  CREDENTIALS_EXPIRED(Code.UNAUTHENTICATED, Flag.RETRYABLE);

  private enum Flag {
    NONE,
    RETRYABLE,
    OVERLOADED,
    REMOTE
  }

  private final @Nullable Code code;
  private final Flag flag;

  FailureTable(@Nullable Code code, Flag flag) {
    this.code = code;
    this.flag = flag;
  }

  static Optional<FailureTable> of(String reason) {
    return Arrays.stream(values()).filter(row -> row.name().equals(reason)).findAny();
  }

  /** The code that goes with the reason; empty if the object itself chooses it. */
  Optional<Code> code() {
    return Optional.ofNullable(code);
  }

  boolean retryable() {
    return flag == Flag.RETRYABLE;
  }

  boolean overloaded() {
    return flag == Flag.OVERLOADED;
  }

  boolean remote() {
    return flag == Flag.REMOTE;
  }
}
