package dev.seriatim.service.admin;

import com.google.common.base.Throwables;
import com.google.errorprone.annotations.FormatMethod;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a call of the admin service ends with that has failed. */
final class Failures {
  private static final Logger logger = LoggerFactory.getLogger(Failures.class);

  private Failures() {}

  /** The status of a call in which this was thrown. */
  static StatusException status(Throwable thrown) {
    return switch (thrown) {
      case StatusException status -> status;
      case StatusRuntimeException status ->
          new StatusException(status.getStatus(), status.getTrailers());
      case BreakException refused -> StatusProto.toStatusException(refused.cause().toStatusProto());
      case StorageException failed -> unavailable(failed);
      case CancellationException cancelled -> Status.CANCELLED.withCause(cancelled).asException();
      case InterruptedException interrupted ->
          Status.UNAVAILABLE.withDescription("the host stops").withCause(interrupted).asException();
      case ExecutionException wrapped when wrapped.getCause() != null -> status(wrapped.getCause());
      case CompletionException wrapped when wrapped.getCause() != null ->
          status(wrapped.getCause());
      default -> {
        logger.warn("a call of the admin service threw", thrown);
        yield Status.INTERNAL
            .withDescription("the host failed: " + Legible.of(Throwables.getRootCause(thrown)))
            .asException();
      }
    };
  }

  private static StatusException unavailable(StorageException failed) {
    Status status = failed.isRetryable() ? Status.UNAVAILABLE : Status.DATA_LOSS;
    return status
        .withDescription(String.valueOf(failed.getMessage()))
        .withCause(failed)
        .asException();
  }

  /** What was asked makes no sense. */
  @FormatMethod
  static StatusException invalid(String format, Object... with) {
    return Status.INVALID_ARGUMENT.withDescription(format.formatted(with)).asException();
  }
}
