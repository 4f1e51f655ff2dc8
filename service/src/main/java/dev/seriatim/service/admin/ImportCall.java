package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.service.session.BreakException;
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

  /** Null if the caller has none. */
  private final @Nullable StreamRights rights;

  /** Null once the call has ended. */
  private @Nullable ObjectImport objects;

  /**
   * A call that has begun.
   *
   * @param rights what the caller needs until the end
   */
  ImportCall(
      AdminHost host, ServerCallStreamObserver<ImportObjectsResponse> to, StreamRights rights) {
    this.to = to;
    this.rights = rights;
    this.objects = new ObjectImport(host);
  }

  private ImportCall(ServerCallStreamObserver<ImportObjectsResponse> to) {
    this.to = to;
    this.rights = null;
  }

  /** One that ends at once, for this. */
  static ImportCall refused(
      ServerCallStreamObserver<ImportObjectsResponse> to, BreakException refusal) {
    ImportCall call = new ImportCall(to);
    call.fail(refusal);
    return call;
  }

  @Override
  public void onNext(ImportObjectsRequest request) {
    if (objects == null || rights == null) {
      return;
    }
    try {
      rights.look();
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
