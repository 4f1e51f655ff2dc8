package dev.seriatim.service.session;

import com.google.common.base.Utf8;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.seriatim.service.caller.Refusal;
import dev.seriatim.v1.Broken;
import java.util.List;

/**
 * Why a stub breaks, before it is known where. Immutable.
 *
 * @param retryable whether a new stub may well succeed with the same calls
 * @param failedSequence the number of the invocation to blame, or 0
 */
public record BreakCause(
    BreakReason reason,
    Code code,
    String message,
    List<Any> details,
    boolean retryable,
    long failedSequence) {
  /** The domain of every {@link ErrorInfo} that Seriatim makes. */
  public static final String DOMAIN = "seriatim.dev";

  /** The longest message in bytes of UTF-8; percent-encoded it still fits a gRPC status. */
  private static final int MAX_MESSAGE_BYTES = 2000;

  public BreakCause {
    message = clip(message);
    details = List.copyOf(details);
  }

  /** A cause that Seriatim itself finds. */
  public static BreakCause of(BreakReason reason, String message) {
    Code code =
        switch (reason) {
          case OBJECT_EXCEPTION, OBJECT_START_FAILED -> Code.UNKNOWN;
          case UNKNOWN_METHOD -> Code.UNIMPLEMENTED;
          case MALFORMED_ARGUMENT,
              INVALID_ID,
              SEQUENCE_VIOLATION,
              PROTOCOL_VIOLATION,
              IDEMPOTENCY_MISMATCH ->
              Code.INVALID_ARGUMENT;
          case INVOCATION_TIMED_OUT -> Code.DEADLINE_EXCEEDED;
          case OBJECT_RESET, SESSION_SUPERSEDED -> Code.ABORTED;
          case CALL_CYCLE, SESSION_EXPIRED -> Code.FAILED_PRECONDITION;
          case UNAUTHENTICATED, CREDENTIALS_EXPIRED -> Code.UNAUTHENTICATED;
          case PERMISSION_DENIED -> Code.PERMISSION_DENIED;
          case OVERLOADED -> Code.RESOURCE_EXHAUSTED;
          case HOST_DRAINING, OWNER_UNAVAILABLE, OBJECT_MOVED -> Code.UNAVAILABLE;
          case UNKNOWN_NAMESPACE -> Code.NOT_FOUND;
        };
    return new BreakCause(
        reason,
        code,
        message,
        List.of(Any.pack(info(reason).build())),
        isRetryable(reason),
        /* failedSequence= */ 0);
  }

  /** Why a caller is refused. */
  public static BreakCause of(Refusal refusal) {
    BreakReason reason =
        switch (refusal.why()) {
          case UNAUTHENTICATED -> BreakReason.UNAUTHENTICATED;
          case PERMISSION_DENIED -> BreakReason.PERMISSION_DENIED;
          case CREDENTIALS_EXPIRED -> BreakReason.CREDENTIALS_EXPIRED;
        };
    return of(reason, refusal.message());
  }

  private static boolean isRetryable(BreakReason reason) {
    return switch (reason) {
      case OBJECT_RESET, HOST_DRAINING, OWNER_UNAVAILABLE, OBJECT_MOVED, CREDENTIALS_EXPIRED ->
          true;
      default -> false;
    };
  }

  /** The cause of a break that another host tells. */
  public static BreakCause of(Broken broken) {
    Status status = broken.getCause();
    Code code = Code.forNumber(status.getCode());
    return new BreakCause(
        reason(status),
        code == null ? Code.UNKNOWN : code,
        status.getMessage(),
        status.getDetailsList(),
        broken.getRetryable(),
        broken.getFailedSequence());
  }

  /** The reason that a cause names in its first detail; that of an object, if it names none. */
  public static BreakReason reason(Status cause) {
    if (cause.getDetailsCount() > 0 && cause.getDetails(0).is(ErrorInfo.class)) {
      try {
        return BreakReason.valueOf(cause.getDetails(0).unpack(ErrorInfo.class).getReason());
      } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
        return BreakReason.OBJECT_EXCEPTION; // Of a later version; whoever has sent it knows it.
      }
    }
    return BreakReason.OBJECT_EXCEPTION;
  }

  /** The same cause, with an invocation to blame. */
  public BreakCause blaming(long sequence) {
    return new BreakCause(reason, code, message, details, retryable, sequence);
  }

  /** The cause as a status proto, with its details. */
  public Status toStatusProto() {
    return Status.newBuilder()
        .setCode(code.getNumber())
        .setMessage(message)
        .addAllDetails(details)
        .build();
  }

  /** The status with which the stub ends: without the details, which stand in its last frame. */
  public Status toEnd() {
    return Status.newBuilder().setCode(code.getNumber()).setMessage(message).build();
  }

  /** The status of a stub that is lost for this cause, without a word on what ran. */
  Status toLoss() {
    return Status.newBuilder().setCode(Code.UNAVAILABLE_VALUE).setMessage(message).build();
  }

  /** The last frame of a stub that breaks behind this many completed invocations. */
  public Broken toBroken(long completedThrough) {
    return Broken.newBuilder()
        .setCause(toStatusProto())
        .setCompletedThrough(completedThrough)
        .setFailedSequence(failedSequence)
        .setRetryable(retryable)
        .setOverloaded(reason == BreakReason.OVERLOADED)
        .setRemote(
            reason == BreakReason.OBJECT_EXCEPTION || reason == BreakReason.OBJECT_START_FAILED)
        .build();
  }

  /** The first detail of a cause with this reason. */
  public static ErrorInfo.Builder info(BreakReason reason) {
    return ErrorInfo.newBuilder().setReason(reason.name()).setDomain(DOMAIN);
  }

  private static String clip(String text) {
    StringBuilder clipped = new StringBuilder();
    int bytes = 0;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      int end = i + Character.charCount(point);
      boolean lone = Character.getType(point) == Character.SURROGATE;
      String piece = lone ? "\ufffd" : text.substring(i, end);
      bytes += Utf8.encodedLength(piece);
      if (bytes > MAX_MESSAGE_BYTES) {
        break;
      }
      clipped.append(piece);
      i = end;
    }
    return clipped.toString();
  }
}
