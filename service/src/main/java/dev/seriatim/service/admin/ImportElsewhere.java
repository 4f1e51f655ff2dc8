package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Hands objects of an import on to the hosts that have them, each in a call of its own: so that a
 * host that doesn't have the object can say so before anything was done, and each of them is known
 * to be written or not. Safe for any number of threads.
 */
final class ImportElsewhere {
  private final OtherHosts others;
  private final Executor threads;

  /**
   * Hands on to these.
   *
   * @param threads starts one for each object, which waits for the other host
   */
  ImportElsewhere(OtherHosts others, Executor threads) {
    this.others = others;
    this.threads = threads;
  }

  /**
   * Has the host write the object that has it. In the context of the calling thread: when that
   * ends, what hasn't arrived there whole isn't written.
   *
   * @param parts all of it
   * @param here writes it, if it turns out to be at this host
   * @return ends with whether it was written, rather than left as it was
   */
  CompletableFuture<Boolean> write(
      DurableObjectId id, IfExists ifExists, List<ObjectSnapshot> parts, Callable<Boolean> here) {
    CompletableFuture<Boolean> written = new CompletableFuture<>();
    threads.execute(
        Context.current()
            .wrap(
                () -> {
                  try {
                    written.complete(others.ofOwner(id, host -> send(host, ifExists, parts), here));
                  } catch (Throwable thrown) { // Whatever it is, the client has to know.
                    written.completeExceptionally(thrown);
                  }
                }));
    return written;
  }

  /** Sends it, no faster than the other host reads. */
  private static boolean send(Channel host, IfExists ifExists, List<ObjectSnapshot> parts)
      throws InterruptedException {
    BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call =
        ClientCalls.blockingClientStreamingCall(
            host, AdminGrpc.getImportObjectsMethod(), CallOptions.DEFAULT);
    try {
      boolean reads =
          call.write(
              ImportObjectsRequest.newBuilder()
                  .setOptions(ImportOptions.newBuilder().setIfExists(ifExists))
                  .build());
      for (Iterator<ObjectSnapshot> left = parts.iterator(); reads && left.hasNext(); ) {
        reads = call.write(ImportObjectsRequest.newBuilder().setPart(left.next()).build());
      }
      call.halfClose();
      ImportObjectsResponse answer = call.read();
      // To its end: as long as that isn't taken, the call is kept by the import's context.
      if (answer == null || call.read() != null) {
        throw Status.INTERNAL
            .withDescription("a host has not answered once, as expected of an import")
            .asRuntimeException();
      }
      return answer.getImported() > 0;
    } catch (StatusException e) {
      throw e.getStatus().asRuntimeException(e.getTrailers());
    } catch (Throwable thrown) {
      call.cancel("the import ends", thrown);
      throw thrown;
    }
  }
}
