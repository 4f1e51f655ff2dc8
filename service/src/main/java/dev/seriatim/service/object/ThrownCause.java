package dev.seriatim.service.object;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/** What an object's code threw, or its store, as the cause for which its stubs break. */
final class ThrownCause {
  /** The most that an object's own details may hold; a client must be able to read the frame. */
  private static final int MAX_DETAIL_BYTES = 64 << 10;

  private ThrownCause() {}

  /**
   * The same, which the object's code, or what is run for it, has thrown. Logs it.
   *
   * @param where what threw, the same for all objects and methods
   */
  static BreakCause logged(
      LiveObject object, BreakReason reason, Throwable thrown, String where, LogSubject about) {
    boolean meant = thrown instanceof StatusRuntimeException || thrown instanceof StatusException;
    BreakCause cause = of(reason, thrown);
    object.log(
        meant ? Level.DEBUG : Level.WARN, thrown, where + " threw", about.breaking(cause.reason()));
    return cause;
  }

  /** The object has to begin anew, for this has gone wrong, and not by its own fault. */
  static BreakCause reset(Throwable why) {
    return reset(String.valueOf(why.getMessage()), why);
  }

  /** The same, in other words. Not to be tried again if what is stored is damaged. */
  static BreakCause reset(String message, Throwable why) {
    BreakCause cause = BreakCause.of(BreakReason.OBJECT_RESET, message);
    return why instanceof StorageException e && !e.isRetryable()
        ? new BreakCause(
            cause.reason(),
            cause.code(),
            cause.message(),
            cause.details(),
            /* retryable= */ false,
            0)
        : cause;
  }

  /**
   * A cause that the object's own code threw.
   *
   * @param reason {@link BreakReason#OBJECT_EXCEPTION} or {@link BreakReason#OBJECT_START_FAILED}
   */
  static BreakCause of(BreakReason reason, Throwable thrown) {
    try {
      return lookAt(reason, thrown);
    } catch (RuntimeException | Error e) { // The exception may be of the object's own making.
      return BreakCause.of(reason, Legible.of(thrown));
    }
  }

  private static BreakCause lookAt(BreakReason reason, Throwable thrown) {
    if (thrown instanceof BreakException broken) {
      return broken.cause(); // Not the object's own: what stands around its turns knows of those.
    }
    if (thrown instanceof StorageException && thrown.getCause() instanceof SQLException) {
      // A store that failed is no fault of the object's, and the same call may well succeed later.
      return reset(thrown);
    }
    Metadata trailers = Status.trailersFromThrowable(thrown);
    return of(
        reason, statusOf(thrown), trailers == null ? new Metadata() : trailers, Legible.of(thrown));
  }

  /** A cause that the object's own code gave as the status of its reply. */
  static BreakCause of(BreakReason reason, Status status, Metadata trailers, String otherwise) {
    Status.Code code = status.isOk() ? Status.Code.UNKNOWN : status.getCode();
    String description = status.getDescription();
    if (description == null) {
      Throwable cause = status.getCause();
      description = cause == null ? otherwise : Legible.of(cause);
    }
    ErrorInfo.Builder info = BreakCause.info(reason);
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
        reason,
        Code.forNumber(code.value()),
        description,
        details,
        /* retryable= */ false,
        /* failedSequence= */ 0);
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
}
