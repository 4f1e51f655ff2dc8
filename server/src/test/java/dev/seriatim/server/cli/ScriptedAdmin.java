package dev.seriatim.server.cli;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.BackupResponse;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DeleteObjectResponse;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.DrainResponse;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EditEntriesResponse;
import dev.seriatim.admin.v1.Entry;
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
import dev.seriatim.admin.v1.LastBreak;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListEntriesResponse;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListNamespacesResponse;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.LiveObject;
import dev.seriatim.admin.v1.Namespace;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.admin.v1.OpenStub;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.ResetObjectResponse;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.RunAlarmResponse;
import dev.seriatim.admin.v1.TailBreak;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.admin.v1.TailTurn;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** An admin service that says what a test has it say, and keeps what it was asked. */
final class ScriptedAdmin extends AdminGrpc.AdminImplBase implements AutoCloseable {
  static final Timestamp TIME = Timestamps.fromMillis(1_767_225_600_000L); // 2026-01-01.

  final List<Message> asked = Collections.synchronizedList(new ArrayList<>());
  private final Server server;
  private final int objects;

  /** Said in place of every answer, if it isn't null. */
  volatile com.google.rpc.Status refusal = com.google.rpc.Status.getDefaultInstance();

  ScriptedAdmin(int objects) throws IOException {
    this.objects = objects;
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(this)
            .build()
            .start();
  }

  String target() {
    return "localhost:" + server.getPort();
  }

  /** Refuses everything from now on. */
  void refuse(Status.Code code, String reason, String message) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(Code.forNumber(code.value()).getNumber())
            .setMessage(message);
    if (!reason.isEmpty()) {
      status.addDetails(
          com.google.protobuf.Any.pack(
              ErrorInfo.newBuilder().setDomain("seriatim.dev").setReason(reason).build()));
    }
    refusal = status.build();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private <R> void answer(Message request, StreamObserver<R> to, List<R> answers) {
    asked.add(request);
    if (refusal.getCode() != 0) {
      to.onError(StatusProto.toStatusRuntimeException(refusal));
      return;
    }
    answers.forEach(to::onNext);
    to.onCompleted();
  }

  @Override
  public void getHost(GetHostRequest request, StreamObserver<GetHostResponse> to) {
    answer(
        request,
        to,
        List.of(
            GetHostResponse.newBuilder()
                .setVersion("0.1.0")
                .setCommit("abc1234")
                .setStarted(TIME)
                .setStore("sqlite")
                .setServing(true)
                .setStubs(3)
                .setLiveObjects(2)
                .putMemory("queued", 1234)
                .putOptions("max-stubs", "100000")
                .build()));
  }

  @Override
  public void listNamespaces(
      ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> to) {
    answer(
        request,
        to,
        List.of(
            ListNamespacesResponse.newBuilder()
                .addNamespaces(
                    Namespace.newBuilder()
                        .setName("COUNTER")
                        .setServed(true)
                        .setService("p.Counter")
                        .setStoredObjects(1_000_000)
                        .setLiveObjects(2))
                .addNamespaces(Namespace.newBuilder().setName("OLD").setStoredObjects(7))
                .build()));
  }

  static String nameOf(int index) {
    return "%07d".formatted(index);
  }

  private static ObjectSummary summary(int index) {
    ObjectSummary.Builder object =
        ObjectSummary.newBuilder()
            .setNamespace("COUNTER")
            .setId("%064x".formatted(index))
            .setStored(true);
    if (index % 10 == 9) {
      object.setLive(true).setAlarm(TIME);
    }
    if (index % 10 != 3) {
      object.setName(nameOf(index));
    }
    return object.build();
  }

  @Override
  public void listObjects(ListObjectsRequest request, StreamObserver<ListObjectsResponse> to) {
    int from = request.getPageToken().isEmpty() ? 0 : Integer.parseInt(request.getPageToken());
    int end = Math.min(objects, from + request.getPageSize());
    ListObjectsResponse.Builder page = ListObjectsResponse.newBuilder();
    for (int i = from; i < end; i++) {
      page.addObjects(summary(i));
    }
    if (end < objects) {
      page.setNextPageToken(String.valueOf(end));
    }
    answer(request, to, List.of(page.build()));
  }

  @Override
  public void getObject(GetObjectRequest request, StreamObserver<GetObjectResponse> to) {
    answer(
        request,
        to,
        List.of(
            GetObjectResponse.newBuilder()
                .setObject(summary(9).toBuilder().setName(request.getObject().getName()))
                .setEntries(3)
                .setBytes(12_345)
                .setAlarmRetries(2)
                .setLive(
                    LiveObject.newBuilder()
                        .setInstanceSince(TIME)
                        .setRunningMethod("Increment")
                        .setRunningFor(Durations.fromMillis(1_500))
                        .setQueued(4)
                        .setQueuedBytes(80)
                        .setPendingCommits(1)
                        .setOpenStubs(1)
                        .addStubs(
                            OpenStub.newBuilder()
                                .setPeer("10.0.0.7:53211")
                                .setReceivedThrough(9)
                                .setAnsweredThrough(4))
                        .setLastBreak(
                            LastBreak.newBuilder()
                                .setTime(TIME)
                                .setReason("OBJECT_EXCEPTION")
                                .setMethod("Increment")
                                .setMessage("no\u001b[31m")))
                .build()));
  }

  @Override
  public void listEntries(ListEntriesRequest request, StreamObserver<ListEntriesResponse> to) {
    List<Entry> all = new ArrayList<>();
    for (int i = 0; i < 2_500; i++) {
      all.add(
          Entry.newBuilder()
              .setKey("k%04d".formatted(i))
              .setValue(ByteString.copyFromUtf8("v" + i))
              .setType(i == 7 ? "p.Line" : "")
              .setText(i == 7 ? "{\"a\":1}" : "v" + i)
              .build());
    }
    List<Entry> wanted =
        all.stream()
            .filter(entry -> entry.getKey().startsWith(request.getPrefix()))
            .filter(entry -> entry.getKey().compareTo(request.getStartAfter()) > 0)
            .toList();
    answer(
        request,
        to,
        List.of(
            ListEntriesResponse.newBuilder()
                .addAllEntries(wanted.stream().limit(request.getLimit()).toList())
                .setMore(wanted.size() > request.getLimit())
                .build()));
  }

  @Override
  public void editEntries(EditEntriesRequest request, StreamObserver<EditEntriesResponse> to) {
    answer(request, to, List.of(EditEntriesResponse.getDefaultInstance()));
  }

  @Override
  public void runAlarm(RunAlarmRequest request, StreamObserver<RunAlarmResponse> to) {
    answer(request, to, List.of(RunAlarmResponse.getDefaultInstance()));
  }

  @Override
  public void evictObject(EvictObjectRequest request, StreamObserver<EvictObjectResponse> to) {
    answer(request, to, List.of(EvictObjectResponse.newBuilder().setEvicted(true).build()));
  }

  @Override
  public void resetObject(ResetObjectRequest request, StreamObserver<ResetObjectResponse> to) {
    answer(request, to, List.of(ResetObjectResponse.getDefaultInstance()));
  }

  @Override
  public void deleteObject(DeleteObjectRequest request, StreamObserver<DeleteObjectResponse> to) {
    answer(request, to, List.of(DeleteObjectResponse.newBuilder().setDeleted(true).build()));
  }

  @Override
  public void drain(DrainRequest request, StreamObserver<DrainResponse> to) {
    answer(request, to, List.of(DrainResponse.getDefaultInstance()));
  }

  /** Objects of several parts, too. */
  static List<ObjectSnapshot> parts(int objects) {
    List<ObjectSnapshot> parts = new ArrayList<>();
    for (int i = 0; i < objects; i++) {
      ObjectSnapshot.Builder part =
          ObjectSnapshot.newBuilder()
              .setNamespace("COUNTER")
              .setId("%064x".formatted(i))
              .setName(nameOf(i))
              .addEntries(Entry.newBuilder().setKey("k").setValue(ByteString.fromHex("00ff")));
      if (i % 5 == 0) {
        parts.add(part.setAlarm(TIME).setMore(true).build());
        part.clearAlarm().setMore(false);
      }
      parts.add(part.build());
    }
    return parts;
  }

  @Override
  public void exportObjects(
      ExportObjectsRequest request, StreamObserver<ExportObjectsResponse> to) {
    answer(
        request,
        to,
        parts(objects).stream()
            .map(part -> ExportObjectsResponse.newBuilder().setPart(part).build())
            .toList());
  }

  @Override
  public StreamObserver<ImportObjectsRequest> importObjects(
      StreamObserver<ImportObjectsResponse> to) {
    return new StreamObserver<>() {
      private long imported;

      @Override
      public void onNext(ImportObjectsRequest request) {
        asked.add(request);
        if (request.hasPart() && !request.getPart().getMore()) {
          imported++;
        }
      }

      @Override
      public void onError(Throwable thrown) {}

      @Override
      public void onCompleted() {
        if (refusal.getCode() != 0) {
          to.onError(StatusProto.toStatusRuntimeException(refusal));
          return;
        }
        to.onNext(ImportObjectsResponse.newBuilder().setImported(imported).build());
        to.onCompleted();
      }
    };
  }

  @Override
  public void backup(BackupRequest request, StreamObserver<BackupResponse> to) {
    answer(
        request,
        to,
        List.of(
            BackupResponse.newBuilder().setChunk(ByteString.copyFromUtf8("one ")).build(),
            BackupResponse.newBuilder().setChunk(ByteString.copyFromUtf8("two")).build()));
  }

  @Override
  public void tail(TailRequest request, StreamObserver<TailResponse> to) {
    TailResponse.Builder event =
        TailResponse.newBuilder().setTime(TIME).setNamespace("COUNTER").setName("foo").setId("ab");
    TailTurn.Builder turn =
        TailTurn.newBuilder()
            .setMethod("Increment")
            .setSequence(3)
            .setQueued(Durations.fromMicros(20))
            .setRan(Durations.fromMillis(15));
    answer(
        request,
        to,
        List.of(
            event
                .setTurn(
                    turn.setArgument(ByteString.fromHex("0805"))
                        .setReply(ByteString.copyFromUtf8("hi")))
                .build(),
            event.setTurn(turn.setReason("OBJECT_EXCEPTION").setMessage("no")).build(),
            event.setLeftOut(5).setAlarm(TailTurn.newBuilder()).build(),
            event
                .clearName()
                .setLeftOut(0)
                .setBroken(TailBreak.newBuilder().setReason("OVERLOADED").setMessage("too much"))
                .build()));
  }
}
