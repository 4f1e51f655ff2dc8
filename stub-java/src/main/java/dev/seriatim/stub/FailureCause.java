package dev.seriatim.stub;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.seriatim.v1.Broken;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import java.io.Serializable;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Why a stub broke, or why a single call failed without breaking it.
 *
 * <p>Go by {@link #retryable()} and {@link #overloaded()} rather than by {@link #reason()}: a newer
 * host may give reasons that this client doesn't know. Immutable.
 */
public final class FailureCause implements Serializable {
  private static final long serialVersionUID = 1L;

  private static final String DOMAIN = "seriatim.dev";

  private static final Metadata.Key<com.google.rpc.Status> DETAILS_KEY =
      Metadata.Key.of(
          "grpc-status-details-bin",
          ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance()));

  private final String reason;
  private final com.google.rpc.Status status;
  private final boolean retryable;
  private final boolean overloaded;
  private final boolean remote;
  private final long failedSequence;

  private FailureCause(
      String reason,
      com.google.rpc.Status status,
      boolean retryable,
      boolean overloaded,
      boolean remote,
      long failedSequence) {
    this.reason = reason;
    this.status = status;
    this.retryable = retryable;
    this.overloaded = overloaded;
    this.remote = remote;
    this.failedSequence = failedSequence;
  }

  /** The cause that a host told in its last frame. */
  static FailureCause told(Broken broken) {
    com.google.rpc.Status status = broken.getCause();
    ErrorInfo info = errorInfo(status);
    return new FailureCause(
        info == null ? "" : info.getReason(),
        withKnownCode(status),
        broken.getRetryable(),
        broken.getOverloaded(),
        broken.getRemote(),
        broken.getFailedSequence());
  }

  /** The connection ended with this status, and without the host's last frame. */
  static FailureCause connectionLost(Status status, Metadata trailers) {
    if (status.isOk()) {
      return of(
          Reasons.CONNECTION_LOST, Status.Code.UNAVAILABLE, "the host ended the stub's call", true);
    }
    boolean retryable =
        switch (status.getCode()) {
          case UNAVAILABLE, CANCELLED, ABORTED, INTERNAL, UNKNOWN -> true;
          default -> false;
        };
    return new FailureCause(
        Reasons.CONNECTION_LOST,
        com.google.rpc.Status.newBuilder()
            .setCode(status.getCode().value())
            .setMessage(RootCause.of(status))
            .addAllDetails(details(status, trailers).getDetailsList())
            .build(),
        retryable,
        status.getCode() == Status.Code.RESOURCE_EXHAUSTED,
        false,
        0);
  }

  /** A cause that this client found by itself. */
  static FailureCause of(String reason, Status.Code code, String message, boolean retryable) {
    return of(reason, code, message, retryable, 0);
  }

  /** A cause that this client found by itself, with the number of the call that is to blame. */
  static FailureCause of(
      String reason, Status.Code code, String message, boolean retryable, long failedSequence) {
    return new FailureCause(
        reason,
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage(message).build(),
        retryable,
        code == Status.Code.RESOURCE_EXHAUSTED && !reason.equals(Reasons.CALL_TOO_LARGE),
        false,
        failedSequence);
  }

  /**
   * One of {@link Reasons}, another one that a newer host gave, or the empty string if the host
   * gave none.
   */
  public String reason() {
    return reason;
  }

  /** Whether this is the reason, or was told as the one of a connection that was lost. */
  boolean tells(String of) {
    ErrorInfo info = errorInfo(status);
    return reason.equals(of) || (info != null && info.getReason().equals(of));
  }

  /** The status code; never {@code OK}. */
  public Status.Code code() {
    return Status.fromCodeValue(status.getCode()).getCode();
  }

  /** What happened, in words, as it was told. May be empty if an object threw without a word. */
  public String message() {
    return status.getMessage();
  }

  /** Whether a new stub may well succeed with the same calls, a little later. */
  public boolean retryable() {
    return retryable;
  }

  /** Whether there was too much to do: never try again at once, and send less. */
  public boolean overloaded() {
    return overloaded;
  }

  /** Whether the object's own code failed, rather than Seriatim or the way there. */
  public boolean remote() {
    return remote;
  }

  /** The number of the invocation that is to blame, or 0 if no one invocation is. */
  public long failedSequence() {
    return failedSequence;
  }

  /**
   * What the host added to its reason: for {@link Reasons#OBJECT_EXCEPTION}, the object's own
   * {@code ErrorInfo} is under {@code object.reason}, {@code object.domain} and {@code
   * object.metadata.KEY}. Often empty.
   */
  public Map<String, String> metadata() {
    ErrorInfo info = errorInfo(status);
    return info == null ? Map.of() : Map.copyOf(info.getMetadataMap());
  }

  /** Code, message and details, as the host gave them. */
  public com.google.rpc.Status toProto() {
    return status;
  }

  @Override
  public String toString() {
    return code() + (reason.isEmpty() ? "" : " " + reason) + ": " + message();
  }

  /** New trailers that hold the details, if there are any; made anew since they are mutable. */
  Metadata newTrailers() {
    return trailers(status);
  }

  /** The trailers with which a call would end whose status is this. */
  static Metadata trailers(com.google.rpc.Status status) {
    Metadata trailers = new Metadata();
    if (status.getDetailsCount() > 0) {
      trailers.put(DETAILS_KEY, status);
    }
    return trailers;
  }

  /** StatusProto refuses a status whose code gRPC doesn't know, so such a code becomes UNKNOWN. */
  private static com.google.rpc.Status withKnownCode(com.google.rpc.Status status) {
    int code = Status.fromCodeValue(status.getCode()).getCode().value();
    return code == status.getCode() ? status : status.toBuilder().setCode(code).build();
  }

  private static com.google.rpc.Status details(Status status, Metadata trailers) {
    try {
      com.google.rpc.Status details = StatusProto.fromStatusAndTrailers(status, trailers);
      return details == null ? com.google.rpc.Status.getDefaultInstance() : details;
    } catch (IllegalArgumentException e) { // Trailers that don't parse, or that contradict.
      return com.google.rpc.Status.getDefaultInstance();
    }
  }

  private static @Nullable ErrorInfo errorInfo(com.google.rpc.Status status) {
    for (Any detail : status.getDetailsList()) {
      ErrorInfo info = detail.is(ErrorInfo.class) ? unpack(detail) : null;
      if (info != null && info.getDomain().equals(DOMAIN)) {
        return info;
      }
    }
    return null;
  }

  private static @Nullable ErrorInfo unpack(Any detail) {
    try {
      return detail.unpack(ErrorInfo.class);
    } catch (InvalidProtocolBufferException e) {
      return null; // A detail that doesn't parse tells nothing.
    }
  }
}
