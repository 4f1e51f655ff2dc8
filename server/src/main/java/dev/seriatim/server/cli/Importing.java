package dev.seriatim.server.cli;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ObjectSnapshot;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;

/** Objects on their way into a host, no faster than it takes them. For one thread. */
final class Importing {
  private final BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call;
  private boolean ended;

  Importing(ManagedChannel channel, IfExists ifExists)
      throws InterruptedException, StatusException {
    call =
        ClientCalls.blockingClientStreamingCall(
            channel, AdminGrpc.getImportObjectsMethod(), CallOptions.DEFAULT);
    send(
        ImportObjectsRequest.newBuilder()
            .setOptions(ImportOptions.newBuilder().setIfExists(ifExists))
            .build());
  }

  /** What becomes of objects that are there, in the words of the command line. */
  enum There {
    FAIL(IfExists.IF_EXISTS_FAIL),
    SKIP(IfExists.IF_EXISTS_SKIP),
    REPLACE(IfExists.IF_EXISTS_REPLACE);

    private final IfExists asked;

    There(IfExists asked) {
      this.asked = asked;
    }

    IfExists asked() {
      return asked;
    }
  }

  /**
   * Sends a part.
   *
   * @return false if the host takes no more; {@link #end} says why
   */
  @CanIgnoreReturnValue
  boolean send(ObjectSnapshot part) throws InterruptedException, StatusException {
    return send(ImportObjectsRequest.newBuilder().setPart(part).build());
  }

  private boolean send(ImportObjectsRequest request) throws InterruptedException, StatusException {
    if (!ended && !call.write(request)) {
      ended = true;
    }
    return !ended;
  }

  /** All has been sent; waits for the host's answer. */
  ImportObjectsResponse end() throws InterruptedException, StatusException {
    call.halfClose();
    ImportObjectsResponse answer = call.read();
    if (answer == null) {
      throw Status.INTERNAL.withDescription("the host has not answered").asException();
    }
    return answer;
  }

  /** Gives up: what was not imported yet isn't. */
  void cancel(String why) {
    call.cancel(why, null);
  }
}
