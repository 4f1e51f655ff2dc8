package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.service.caller.HandedOn;
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

  /** Whether another host has taken it, which says in its log who makes it. */
  private final boolean handedOn = HandedOn.isCurrent();

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
      AdminHost host,
      OtherHosts others,
      ServerCallStreamObserver<ImportObjectsResponse> to,
      StreamRights rights) {
    this.to = to;
    this.rights = rights;
    this.objects = new ObjectImport(host, others);
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
    log(response.getImported() + " objects", /* failure= */ null);
    to.onNext(response);
    to.onCompleted();
  }

  @Override
  public void onError(Throwable gone) {
    if (objects != null) {
      objects = null;
      log("objects", Failures.status(gone));
    }
  }

  private void fail(Throwable thrown) {
    objects = null;
    StatusException failure = Failures.status(thrown);
    log("objects", failure);
    to.onError(failure);
  }

  private void log(String what, @Nullable StatusException failure) {
    if (!handedOn) {
      Audit.log("ImportObjects", what, failure);
    }
  }
}
