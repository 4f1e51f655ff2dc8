package dev.seriatim.service.connect;

import com.google.rpc.Status;

/** The statuses of calls, made from those of stubs. */
final class Statuses {
  private Statuses() {}

  /** The status of a call that carried one stub, which has ended with this. */
  static io.grpc.Status of(Status end) {
    io.grpc.Status status = io.grpc.Status.fromCodeValue(end.getCode());
    return end.getMessage().isEmpty() ? status : status.withDescription(end.getMessage());
  }
}
