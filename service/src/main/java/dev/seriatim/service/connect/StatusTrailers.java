package dev.seriatim.service.connect;

import com.google.common.base.Utf8;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.Metadata;
import io.grpc.protobuf.StatusProto;

/**
 * Tells a cause in the status of a call alone, where there is no frame for it: cut so that any
 * client can receive it.
 *
 * <p>A client that gets more headers at the end of a call than it takes loses the cause, and some
 * lose the connection, and with it their other calls. What counts is what is on the wire: the
 * message is percent-encoded there, and the details, which have the message once more, are in
 * base64.
 */
final class StatusTrailers {
  /**
   * What all trailers may take, as HTTP/2 counts them. Most clients take 8 KiB by default; the rest
   * is for what the transport adds.
   */
  static final int MAX_BYTES = 7 << 10;

  /** What HTTP/2 adds to the name and the value of each header. */
  private static final int HEADER_BYTES = 32;

  private static final int MESSAGE_BYTES = "grpc-message".length() + HEADER_BYTES;
  private static final int DETAILS_BYTES = "grpc-status-details-bin".length() + HEADER_BYTES;

  /** The first detail, which says the reason, keeps its metadata up to so much. */
  private static final int MAX_INFO_BYTES = 1 << 10;

  /** As in the cause of a stub: how many details of the object's there was no room for. */
  private static final String LEFT_OUT = "object.details_left_out";

  private StatusTrailers() {}

  /** The cause, or as much of it as any client can receive. Its first detail says the reason. */
  static Status fit(Status cause) {
    if (wireBytes(cause) <= MAX_BYTES) {
      return cause;
    }
    int left = cause.getDetailsCount() - 1;
    Status.Builder told = Status.newBuilder().setCode(cause.getCode());
    told.addDetails(info(cause.getDetails(0), left));
    told.setMessage(fittingPart(cause.getMessage(), MAX_BYTES - wireBytes(told.build())));
    for (Any detail : cause.getDetailsList().subList(1, cause.getDetailsCount())) {
      told.addDetails(detail);
      if (wireBytes(told.build()) > MAX_BYTES) {
        told.removeDetails(told.getDetailsCount() - 1);
      } else {
        left--;
      }
    }
    return told.setDetails(0, info(cause.getDetails(0), left)).build();
  }

  /** The trailers and the status of a call that ends with a cause that fits. */
  static void close(io.grpc.ServerCall<?, ?> call, Status cause) {
    Status told = fit(cause);
    Metadata trailers = StatusProto.toStatusRuntimeException(told).getTrailers();
    call.close(
        io.grpc.Status.fromCodeValue(told.getCode()).withDescription(told.getMessage()),
        trailers == null ? new Metadata() : trailers);
  }

  /** What a status takes on the wire, without its code. */
  static int wireBytes(Status status) {
    return MESSAGE_BYTES
        + percentEncodedBytes(status.getMessage())
        + DETAILS_BYTES
        + base64Bytes(status.getSerializedSize());
  }

  private static int base64Bytes(int bytes) {
    return (bytes + 2) / 3 * 4;
  }

  private static int percentEncodedBytes(String text) {
    int bytes = 0;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      bytes += percentEncodedBytes(point);
      i += Character.charCount(point);
    }
    return bytes;
  }

  private static int percentEncodedBytes(int point) {
    return point >= ' ' && point < '~' && point != '%' // gRPC for Java encodes the '~', too.
        ? 1
        : 3 * Utf8.encodedLength(Character.toString(point));
  }

  /** As much of a message as has room here, where it stands twice. */
  private static String fittingPart(String message, int room) {
    // Base64 makes four bytes of three, and a length that has grown may take another group.
    int thirds = 3 * (room - 8);
    int end = 0;
    while (end < message.length()) {
      int point = message.codePointAt(end);
      thirds -= 3 * percentEncodedBytes(point) + 4 * Utf8.encodedLength(Character.toString(point));
      if (thirds < 0) {
        break;
      }
      end += Character.charCount(point);
    }
    return message.substring(0, end);
  }

  /** The detail with the reason, which says how many are missing. */
  private static Any info(Any first, int left) {
    ErrorInfo info;
    try {
      info = first.unpack(ErrorInfo.class);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("the first detail is not an ErrorInfo", e);
    }
    ErrorInfo.Builder told = info.toBuilder();
    int missing = left;
    if (info.getSerializedSize() > MAX_INFO_BYTES) {
      told.clearMetadata();
      missing++; // The object's own ErrorInfo, which was folded into it.
    }
    if (missing > 0) {
      String before = info.getMetadataOrDefault(LEFT_OUT, "0");
      told.putMetadata(LEFT_OUT, Integer.toString(Integer.parseInt(before) + missing));
    }
    return Any.pack(told.build());
  }
}
