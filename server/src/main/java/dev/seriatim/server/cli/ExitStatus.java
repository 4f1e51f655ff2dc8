package dev.seriatim.server.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.seriatim.stub.FailureCause;
import dev.seriatim.stub.Reasons;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;

/** What a command ends with, so that a script can go by it. */
final class ExitStatus {
  /** All went well. */
  static final int OK = 0;

  /** The object threw, or what was asked for isn't there. */
  static final int FAILED = 1;

  /** What was asked for makes no sense: the same again gives the same. */
  static final int USAGE = 2;

  /** May well succeed a little later. */
  static final int RETRYABLE = 3;

  /** The host doesn't let this caller do it. */
  static final int NOT_ALLOWED = 4;

  /** No connection, or it was lost, or nothing came in time. */
  static final int NO_CONNECTION = 5;

  /** How {@code --help} tells of them. */
  static final String LIST =
      "Ends with 0 if all went well, 1 if the object threw or isn't there, 2 if what was asked for"
          + " makes no sense, 3 if it may succeed a little later, 4 if the host doesn't allow it,"
          + " 5 without a connection.";

  private ExitStatus() {}

  /** For a call on a stub. */
  static int of(FailureCause cause) {
    if (isRefused(cause.code()) && !cause.remote()) {
      return NOT_ALLOWED;
    }
    return switch (cause.reason()) {
      case Reasons.CONNECTION_LOST, Reasons.OPEN_OVERDUE, Reasons.ANSWER_OVERDUE -> NO_CONNECTION;
      case Reasons.OBJECT_EXCEPTION, Reasons.OBJECT_START_FAILED, Reasons.INVOCATION_TIMED_OUT ->
          FAILED;
      case Reasons.UNKNOWN_METHOD,
          Reasons.MALFORMED_ARGUMENT,
          Reasons.UNKNOWN_NAMESPACE,
          Reasons.INVALID_ID,
          Reasons.IDEMPOTENCY_MISMATCH,
          Reasons.CALL_REFUSED,
          Reasons.CALL_TOO_LARGE,
          Reasons.BUFFER_FULL ->
          USAGE;
      default -> cause.retryable() || cause.overloaded() ? RETRYABLE : FAILED;
    };
  }

  /** For a call without a stub. */
  static int of(StatusRuntimeException thrown) {
    Status.Code code = thrown.getStatus().getCode();
    if (isRefused(code)) {
      return NOT_ALLOWED;
    }
    return switch (code) {
      case UNAVAILABLE, CANCELLED -> isTold(thrown) ? RETRYABLE : NO_CONNECTION;
      case DEADLINE_EXCEEDED -> NO_CONNECTION;
      case RESOURCE_EXHAUSTED -> RETRYABLE;
      case INVALID_ARGUMENT, UNIMPLEMENTED -> USAGE;
      case NOT_FOUND -> "UNKNOWN_NAMESPACE".equals(reason(thrown)) ? USAGE : FAILED;
      default -> FAILED;
    };
  }

  private static boolean isRefused(Status.Code code) {
    return code == Status.Code.UNAUTHENTICATED || code == Status.Code.PERMISSION_DENIED;
  }

  /** Whether it was the host that said so, and not what is between here and there. */
  private static boolean isTold(StatusRuntimeException thrown) {
    return !reason(thrown).isEmpty();
  }

  /** What the host calls it; empty if it has no word for it. */
  static String reason(StatusRuntimeException thrown) {
    com.google.rpc.Status status = StatusProto.fromThrowable(thrown);
    if (status != null) {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          try {
            ErrorInfo info = detail.unpack(ErrorInfo.class);
            if (info.getDomain().equals("seriatim.dev")) {
              return info.getReason();
            }
          } catch (InvalidProtocolBufferException e) {
            return ""; // A detail that doesn't parse tells nothing.
          }
        }
      }
    }
    return "";
  }
}
