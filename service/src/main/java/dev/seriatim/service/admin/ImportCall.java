package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import io.grpc.StatusException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;

/**
 * A call of {@code ImportObjects}: asks for the next message when the one before is done with. Its
 * methods are called one after the other, on threads that may be held up.
 */
final class ImportCall implements StreamObserver<ImportObjectsRequest> {
  private final ServerCallStreamObserver<ImportObjectsResponse> to;

  /** Null once the call has ended. */
  private @Nullable ObjectImport objects;

  /**
   * A call that has begun.
   *
   * @param refusal why it ends at once, or null
   */
  ImportCall(
      AdminHost host,
      ServerCallStreamObserver<ImportObjectsResponse> to,
      @Nullable StatusException refusal) {
    this.to = to;
    if (refusal == null) {
      this.objects = new ObjectImport(host);
    } else {
      fail(refusal);
    }
  }

  @Override
  public void onNext(ImportObjectsRequest request) {
    if (objects == null) {
      return;
    }
    try {
      objects.next(request);
    } catch (Throwable thrown) { // Whatever it is, the client has to know.
      fail(thrown);
    }
  }

  @Override
  public void onCompleted() {
    if (objects == null) {
      return;
    }
    ImportObjectsResponse response;
    try {
      response = objects.end();
    } catch (Throwable thrown) { // Likewise.
      fail(thrown);
      return;
    }
    objects = null;
    Audit.log("ImportObjects", response.getImported() + " objects", /* failure= */ null);
    to.onNext(response);
    to.onCompleted();
  }

  @Override
  public void onError(Throwable gone) {
    if (objects != null) {
      objects = null;
      Audit.log("ImportObjects", "objects", Failures.status(gone));
    }
  }

  private void fail(Throwable thrown) {
    objects = null;
    StatusException failure = Failures.status(thrown);
    Audit.log("ImportObjects", "objects", failure);
    to.onError(failure);
  }
}
