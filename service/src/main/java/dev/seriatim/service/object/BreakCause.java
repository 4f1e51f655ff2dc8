package dev.seriatim.service.object;

import com.google.common.base.Utf8;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.v1.Broken;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Why a stub breaks, before it is known where. Immutable.
 *
 * @param retryable whether a new stub may well succeed with the same calls
 * @param failedSequence the number of the invocation to blame, or 0
 */
public record BreakCause(
    BreakReason reason,
    Status.Code code,
    String message,
    List<Any> details,
    boolean retryable,
    long failedSequence) {
  /** The domain of every {@link ErrorInfo} that Seriatim makes. */
  public static final String DOMAIN = "seriatim.dev";

  /** The longest message in bytes of UTF-8; percent-encoded it still fits a gRPC status. */
  private static final int MAX_MESSAGE_BYTES = 2000;

  /** The most that an object's own details may hold; a client must be able to read the frame. */
  private static final int MAX_DETAIL_BYTES = 64 << 10;

  public BreakCause {
    message = clip(message);
    details = List.copyOf(details);
  }

  /** A cause that Seriatim itself finds. */
  public static BreakCause of(BreakReason reason, String message) {
    Status.Code code =
        switch (reason) {
          case OBJECT_EXCEPTION, OBJECT_START_FAILED -> Status.Code.UNKNOWN;
          case UNKNOWN_METHOD -> Status.Code.UNIMPLEMENTED;
          case MALFORMED_ARGUMENT, INVALID_ID, SEQUENCE_VIOLATION, PROTOCOL_VIOLATION ->
              Status.Code.INVALID_ARGUMENT;
          case INVOCATION_TIMED_OUT -> Status.Code.DEADLINE_EXCEEDED;
          case OBJECT_RESET -> Status.Code.ABORTED;
          case CALL_CYCLE -> Status.Code.FAILED_PRECONDITION;
          case OVERLOADED -> Status.Code.RESOURCE_EXHAUSTED;
          case HOST_DRAINING -> Status.Code.UNAVAILABLE;
          case UNKNOWN_NAMESPACE -> Status.Code.NOT_FOUND;
        };
    return new BreakCause(
        reason,
        code,
        message,
        List.of(Any.pack(info(reason).build())),
        reason == BreakReason.OBJECT_RESET || reason == BreakReason.HOST_DRAINING,
        /* failedSequence= */ 0);
  }

  /** The object has to begin anew, for this has gone wrong, and not by its own fault. */
  static BreakCause reset(Throwable why) {
    return reset(String.valueOf(why.getMessage()), why);
  }

  /** The same, in other words. Not to be tried again if what is stored is damaged. */
  static BreakCause reset(String message, Throwable why) {
    BreakCause cause = of(BreakReason.OBJECT_RESET, message);
    return why instanceof StorageException e && !e.isRetryable()
        ? new BreakCause(
            cause.reason, cause.code, cause.message, cause.details, /* retryable= */ false, 0)
        : cause;
  }

  /**
   * A cause that the object's own code threw.
   *
   * @param reason {@link BreakReason#OBJECT_EXCEPTION} or {@link BreakReason#OBJECT_START_FAILED}
   */
  static BreakCause thrown(BreakReason reason, Throwable thrown) {
    try {
      return lookAt(reason, thrown);
    } catch (RuntimeException | Error e) { // The exception may be of the object's own making.
      return of(reason, Legible.of(thrown));
    }
  }

  private static BreakCause lookAt(BreakReason reason, Throwable thrown) {
    if (thrown instanceof StorageException && thrown.getCause() instanceof SQLException) {
      // A store that failed is no fault of the object's, and the same call may well succeed later.
      return reset(thrown);
    }
    Metadata trailers = Status.trailersFromThrowable(thrown);
    return thrown(
        reason, statusOf(thrown), trailers == null ? new Metadata() : trailers, Legible.of(thrown));
  }

  /** A cause that the object's own code gave as the status of its reply. */
  static BreakCause thrown(BreakReason reason, Status status, Metadata trailers, String otherwise) {
    Status.Code code = status.isOk() ? Status.Code.UNKNOWN : status.getCode();
    String description = status.getDescription();
    if (description == null) {
      Throwable cause = status.getCause();
      description = cause == null ? otherwise : Legible.of(cause);
    }
    ErrorInfo.Builder info = info(reason);
    List<Any> details = new ArrayList<>();
    int bytes = 0;
    int left = 0;
    for (Any detail : ownDetails(status, trailers)) {
      bytes += detail.getSerializedSize();
      if (bytes > MAX_DETAIL_BYTES) {
        left++;
      } else if (detail.is(ErrorInfo.class)) {
        fold(detail, info);
      } else {
        details.add(detail);
      }
    }
    if (left > 0) {
      info.putMetadata("object.details_left_out", String.valueOf(left));
    }
    details.addFirst(Any.pack(info.build()));
    return new BreakCause(
        reason, code, description, details, /* retryable= */ false, /* failedSequence= */ 0);
  }

  /** The same cause, with an invocation to blame. */
  public BreakCause blaming(long sequence) {
    return new BreakCause(reason, code, message, details, retryable, sequence);
  }

  /** The cause as a status proto, with its details. */
  public com.google.rpc.Status toStatusProto() {
    return com.google.rpc.Status.newBuilder()
        .setCode(code.value())
        .setMessage(message)
        .addAllDetails(details)
        .build();
  }

  /** The status with which the stub's call ends. */
  public Status toStatus() {
    return code.toStatus().withDescription(message);
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

  private static Status statusOf(Throwable thrown) {
    // Only a status that was thrown itself counts: one that is buried deeper, say of a failed call
    // to
    // another server, was not meant for this caller.
    return switch (thrown) {
      case io.grpc.StatusRuntimeException e -> e.getStatus();
      case io.grpc.StatusException e -> e.getStatus();
      default -> Status.UNKNOWN;
    };
  }

  private static ErrorInfo.Builder info(BreakReason reason) {
    return ErrorInfo.newBuilder().setReason(reason.name()).setDomain(DOMAIN);
  }

  private static List<Any> ownDetails(Status status, Metadata trailers) {
    try {
      com.google.rpc.@Nullable Status own = StatusProto.fromStatusAndTrailers(status, trailers);
      return own == null ? List.of() : own.getDetailsList();
    } catch (IllegalArgumentException e) {
      // The details name another code than the status: they belong to some other failure.
      return List.of();
    }
  }

  private static void fold(Any detail, ErrorInfo.Builder into) {
    try {
      ErrorInfo own = detail.unpack(ErrorInfo.class);
      into.putMetadata("object.reason", own.getReason());
      into.putMetadata("object.domain", own.getDomain());
      own.getMetadataMap()
          .forEach((key, value) -> into.putMetadata("object.metadata." + key, value));
    } catch (InvalidProtocolBufferException e) {
      into.putMetadata("object.reason", "unreadable: " + e.getMessage());
    }
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
