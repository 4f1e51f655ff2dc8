package dev.seriatim.service.admin;

import static dev.seriatim.service.Policy.AdminRight.CONTROL;
import static dev.seriatim.service.Policy.AdminRight.DATA;
import static dev.seriatim.service.Policy.AdminRight.EDIT;
import static dev.seriatim.service.Policy.AdminRight.READ;

import com.google.common.collect.ImmutableList;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.BackupResponse;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DeleteObjectResponse;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.DrainResponse;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EditEntriesResponse;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.EvictObjectResponse;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetHostResponse;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListEntriesResponse;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListNamespacesResponse;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.ResetObjectResponse;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.RunAlarmResponse;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.session.BreakException;
import io.grpc.ServerServiceDefinition;
import io.grpc.StatusException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * The service {@code seriatim.admin.v1.Admin}: who may call what, and who answers. Its methods run
 * on threads that may be held up; none on one of the transport's.
 */
public final class AdminService extends AdminGrpc.AdminImplBase {
  private final AdminHost host;
  private final AdminAccess access;
  private final OtherHosts others;
  private final HostAnswers hosts;
  private final ObjectLook look;
  private final ObjectListing objects;
  private final EntryListing entries;
  private final ObjectExport export;
  private final StoreBackup backup;
  private final ObjectChanges changes;
  private final TailCalls tails;

  /** Serves what there is in this host, to those who may. */
  public AdminService(AdminHost host, AdminAccess access) {
    this.host = host;
    this.access = access;
    ObjectNames names = new ObjectNames(host);
    this.others = new OtherHosts(host, names);
    this.hosts = new HostAnswers(host, others);
    this.look = new ObjectLook(host, names, others);
    this.objects = new ObjectListing(host, others);
    this.entries = new EntryListing(host, others);
    this.export = new ObjectExport(host);
    this.backup = new StoreBackup(host);
    this.tails = new TailCalls(host, names, others);
    this.changes = new ObjectChanges(host, names, new ValueTypes(host), others);
  }

  /**
   * These services, and this one.
   *
   * @param authorizer says who may do what; null if nobody does
   * @param local whether the host can be reached from this machine alone
   */
  public static List<ServerServiceDefinition> with(
      List<ServerServiceDefinition> others,
      AdminHost host,
      @Nullable Authorizer authorizer,
      boolean local) {
    AdminService service = new AdminService(host, new AdminAccess(authorizer, local));
    return ImmutableList.<ServerServiceDefinition>builder()
        .addAll(others)
        .add(service.bindService())
        .build();
  }

  // ---- reads

  @Override
  public void getHost(GetHostRequest request, StreamObserver<GetHostResponse> to) {
    answer(
        to,
        READ,
        () -> others.of(request.getHost(), AdminGrpc.getGetHostMethod(), request, hosts::host));
  }

  @Override
  public void listNamespaces(
      ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> to) {
    answer(to, READ, hosts::namespaces);
  }

  @Override
  public void listObjects(ListObjectsRequest request, StreamObserver<ListObjectsResponse> to) {
    answer(to, READ, () -> objects.list(request));
  }

  @Override
  public void getObject(GetObjectRequest request, StreamObserver<GetObjectResponse> to) {
    answer(to, READ, () -> look.look(request));
  }

  @Override
  public void listEntries(ListEntriesRequest request, StreamObserver<ListEntriesResponse> to) {
    answer(to, DATA, () -> entries.list(request));
  }

  @Override
  public void exportObjects(
      ExportObjectsRequest request, StreamObserver<ExportObjectsResponse> to) {
    stream(to, EnumSet.of(DATA), responses -> export.export(request, responses));
  }

  @Override
  public void tail(TailRequest request, StreamObserver<TailResponse> to) {
    EnumSet<AdminRight> needed = request.getPayloads() ? EnumSet.of(READ, DATA) : EnumSet.of(READ);
    StreamRights rights;
    TailOfAll call;
    try {
      rights = rights(needed);
      call = tails.begin(request);
    } catch (Throwable thrown) { // Whatever it is, the client has to know.
      to.onError(Failures.status(thrown));
      return;
    }
    stream(to, rights, call::run);
  }

  // ---- changes

  @Override
  public void editEntries(EditEntriesRequest request, StreamObserver<EditEntriesResponse> to) {
    change(
        to,
        EDIT,
        "EditEntries",
        ObjectNames.words(request.getObject()),
        () -> changes.edit(request));
  }

  @Override
  public void runAlarm(RunAlarmRequest request, StreamObserver<RunAlarmResponse> to) {
    change(
        to,
        CONTROL,
        "RunAlarm",
        ObjectNames.words(request.getObject()),
        () -> changes.runAlarm(request));
  }

  @Override
  public void evictObject(EvictObjectRequest request, StreamObserver<EvictObjectResponse> to) {
    change(
        to,
        CONTROL,
        "EvictObject",
        ObjectNames.words(request.getObject()),
        () -> changes.evict(request));
  }

  @Override
  public void resetObject(ResetObjectRequest request, StreamObserver<ResetObjectResponse> to) {
    change(
        to,
        CONTROL,
        "ResetObject",
        ObjectNames.words(request.getObject()),
        () -> changes.reset(request));
  }

  @Override
  public void deleteObject(DeleteObjectRequest request, StreamObserver<DeleteObjectResponse> to) {
    change(
        to,
        EDIT,
        "DeleteObject",
        ObjectNames.words(request.getObject()),
        () -> changes.delete(request));
  }

  @Override
  public StreamObserver<ImportObjectsRequest> importObjects(
      StreamObserver<ImportObjectsResponse> to) {
    ServerCallStreamObserver<ImportObjectsResponse> call =
        (ServerCallStreamObserver<ImportObjectsResponse>) to;
    try {
      return new ImportCall(host, others, call, rights(EnumSet.of(EDIT)));
    } catch (BreakException e) {
      return ImportCall.refused(call, e);
    }
  }

  @Override
  public void backup(BackupRequest request, StreamObserver<BackupResponse> to) {
    StreamRights rights;
    try {
      rights = rights(EnumSet.of(CONTROL, DATA));
    } catch (BreakException e) {
      StatusException refusal = Failures.status(e);
      Audit.log("Backup", "the store", refusal);
      to.onError(refusal);
      return;
    }
    Audit.log("Backup", "the store", /* failure= */ null);
    stream(to, rights, backup::send);
  }

  @Override
  public void drain(DrainRequest request, StreamObserver<DrainResponse> to) {
    change(
        to,
        CONTROL,
        "Drain",
        request.getHost().isEmpty() ? "this host" : "the host " + request.getHost(),
        () ->
            others.of(request.getHost(), AdminGrpc.getDrainMethod(), request, this::beginToDrain));
  }

  private DrainResponse beginToDrain() {
    host.threads().execute(this::shutDown);
    return DrainResponse.getDefaultInstance();
  }

  private void shutDown() {
    try {
      host.drain().run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- how calls are answered

  private <R> void answer(StreamObserver<R> to, AdminRight right, Callable<R> code) {
    answer(
        to,
        () -> {
          access.require(EnumSet.of(right));
          return code.call();
        });
  }

  private static <R> void answer(StreamObserver<R> to, Callable<R> code) {
    R response;
    try {
      response = code.call();
    } catch (Throwable thrown) { // Whatever it is, the client has to know.
      to.onError(Failures.status(thrown));
      return;
    }
    to.onNext(response);
    to.onCompleted();
  }

  private <R> void change(
      StreamObserver<R> to, AdminRight right, String method, String target, Callable<R> code) {
    answer(
        to,
        () -> {
          R response;
          try {
            access.require(EnumSet.of(right));
            response = code.call();
          } catch (Throwable thrown) {
            StatusException failure = Failures.status(thrown);
            Audit.log(method, target, failure);
            throw failure;
          }
          Audit.log(method, target, /* failure= */ null);
          return response;
        });
  }

  /** Streams to a caller who has these rights, and as long as he has them. */
  private <R> void stream(
      StreamObserver<R> to, Set<AdminRight> needed, Responses.Source<R> source) {
    StreamRights rights;
    try {
      rights = rights(needed);
    } catch (BreakException e) {
      to.onError(Failures.status(e));
      return;
    }
    stream(to, rights, source);
  }

  private <R> void stream(StreamObserver<R> to, StreamRights rights, Responses.Source<R> source) {
    Responses.send((ServerCallStreamObserver<R>) to, rights, host.threads(), source);
  }

  private StreamRights rights(Set<AdminRight> needed) throws BreakException {
    return new StreamRights(access, needed, host.storage().options().clock());
  }
}
