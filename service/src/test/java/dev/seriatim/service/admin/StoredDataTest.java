package dev.seriatim.service.admin;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.JsonValue;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.storage.PostgresServer;
import dev.seriatim.service.storage.StoreRestore;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the admin service does with stored data, over gRPC. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class StoredDataTest {
  private static final String PROBE = "PROBE";
  private static final DurableObjectIds IDS = new DurableObjectIds(PROBE);
  private static final Timestamp LATER = Timestamps.fromMillis(4_102_444_800_000L);

  @TempDir Path directory;

  /** A host, and what is said to it. */
  private static final class Host implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;
    final AdminGrpc.AdminBlockingStub admin;

    Host(StorageOptions storage) throws Exception {
      String name = InProcessServerBuilder.generateName();
      host =
          DurableObjectHost.builder()
              .namespace(
                  PROBE,
                  ProbeGrpc.getServiceDescriptor(),
                  Probe.doing(
                      (probe, request, reply) -> {
                        if (!request.getText().isEmpty()) {
                          probe.state().storage().put(request.getText(), request);
                        }
                        Probe.echo(probe, request, reply);
                      }))
              .storage(storage)
              .admin()
              .server(InProcessServerBuilder.forName(name))
              .build()
              .start();
      channel = InProcessChannelBuilder.forName(name).build();
      admin = AdminGrpc.newBlockingStub(channel);
    }

    /** Has the object put what it is told under that key; nothing if that is empty. */
    void call(DurableObjects client, String object, String key) {
      try (var stub = client.namespace(PROBE).getByName(object)) {
        assertThat(ProbeGrpc.newBlockingStub(stub.channel()).do_(Probe.words(key)).getText())
            .isEqualTo(key);
      }
    }

    List<ObjectSnapshot> export() {
      ImmutableList.Builder<ObjectSnapshot> parts = ImmutableList.builder();
      admin
          .exportObjects(ExportObjectsRequest.getDefaultInstance())
          .forEachRemaining(response -> parts.add(response.getPart()));
      return parts.build();
    }

    ImportObjectsResponse load(IfExists ifExists, List<ObjectSnapshot> parts) throws Exception {
      CompletableFuture<ImportObjectsResponse> answer = new CompletableFuture<>();
      StreamObserver<ImportObjectsRequest> requests =
          AdminGrpc.newStub(channel)
              .importObjects(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ImportObjectsResponse response) {
                      answer.complete(response);
                    }

                    @Override
                    public void onError(Throwable thrown) {
                      answer.completeExceptionally(thrown);
                    }

                    @Override
                    public void onCompleted() {}
                  });
      requests.onNext(
          ImportObjectsRequest.newBuilder()
              .setOptions(ImportOptions.newBuilder().setIfExists(ifExists))
              .build());
      parts.forEach(
          part -> requests.onNext(ImportObjectsRequest.newBuilder().setPart(part).build()));
      requests.onCompleted();
      return answer.get(60, TimeUnit.SECONDS);
    }

    Status loadFails(IfExists ifExists, ObjectSnapshot... parts) {
      ExecutionException e =
          assertThrows(ExecutionException.class, () -> load(ifExists, List.of(parts)));
      return Status.fromThrowable(e);
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  private static ObjectSnapshot.Builder snapshot(DurableObjectId id) {
    ObjectSnapshot.Builder snapshot =
        ObjectSnapshot.newBuilder().setNamespace(PROBE).setId(id.toString());
    id.name().ifPresent(snapshot::setName);
    return snapshot;
  }

  private static Entry entry(String key, ByteString value) {
    return Entry.newBuilder().setKey(key).setValue(value).build();
  }

  private static Entry entry(String key) {
    return entry(key, ByteString.copyFromUtf8("value of " + key));
  }

  // ---- listing

  @Test
  void objectsThatAreStoredAndObjectsThatAreLive() throws Exception {
    try (Host host = new Host(StorageOptions.sqlite(directory));
        DurableObjects client = DurableObjects.on(host.channel)) {
      DurableObjectId nameless = IDS.newUniqueId();
      ImportObjectsResponse loaded =
          host.load(
              IfExists.IF_EXISTS_FAIL,
              List.of(
                  snapshot(IDS.fromName("b")).addEntries(entry("k")).setAlarm(LATER).build(),
                  snapshot(nameless).addEntries(entry("k")).build()));
      assertThat(loaded.getImported()).isEqualTo(2);
      host.call(client, "c", "key");
      host.call(client, "a", "");
      List<ObjectSummary> found = new ArrayList<>();
      String token = "";
      do {
        ListObjectsResponse page =
            host.admin.listObjects(
                ListObjectsRequest.newBuilder().setPageSize(1).setPageToken(token).build());
        found.addAll(page.getObjectsList());
        token = page.getNextPageToken();
      } while (!token.isEmpty());
      assertThat(found.stream().map(object -> object.hasName() ? object.getName() : "").toList())
          .containsExactly("a", "b", "c", "")
          .inOrder();
      assertThat(found.stream().map(ObjectSummary::getStored).toList())
          .containsExactly(false, true, true, true)
          .inOrder();
      assertThat(found.get(0).getLive()).isTrue();
      assertThat(found.get(2).getLive()).isTrue();
      assertThat(found.get(1).getAlarm()).isEqualTo(LATER);
      assertThat(found.get(3).getId()).isEqualTo(nameless.toString());
      assertThat(
              host.admin
                  .listObjects(ListObjectsRequest.newBuilder().setAlarm(true).build())
                  .getObjectsList())
          .containsExactly(found.get(1));
      assertThat(
              host.admin
                  .listObjects(
                      ListObjectsRequest.newBuilder()
                          .setNamespace(PROBE)
                          .setNamePrefix("c")
                          .setLive(true)
                          .build())
                  .getObjectsList())
          .containsExactly(found.get(2));
    }
  }

  @Test
  void aPageThatNobodyGivesIsRefused() throws Exception {
    try (Host host = new Host(StorageOptions.memory())) {
      StatusRuntimeException size =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  host.admin.listObjects(
                      ListObjectsRequest.newBuilder().setPageSize(1_001).build()));
      assertThat(size)
          .hasMessageThat()
          .isEqualTo("INVALID_ARGUMENT: page_size: 1001, expected 1 to 1000, or 0 for 100");
      StatusRuntimeException token =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  host.admin.listObjects(
                      ListObjectsRequest.newBuilder().setPageToken("abc").build()));
      assertThat(token).hasMessageThat().contains("expected the next_page_token");
    }
  }

  @Test
  void entriesWithWhatTheyAre() throws Exception {
    try (Host host = new Host(StorageOptions.sqlite(directory));
        DurableObjects client = DurableObjects.on(host.channel)) {
      host.call(client, "a", "key");
      ObjectName a = ObjectName.newBuilder().setNamespace(PROBE).setName("a").build();
      Entry written =
          host.admin
              .listEntries(ListEntriesRequest.newBuilder().setObject(a).build())
              .getEntries(0);
      assertThat(written.getKey()).isEqualTo("key");
      assertThat(written.getValue()).isEqualTo(Probe.words("key").toByteString());
      assertThat(written.getType()).isEqualTo("seriatim.servicetest.Words");
      assertThat(written.getText()).isEqualTo("{\"text\":\"key\"}");
      host.admin.editEntries(
          EditEntriesRequest.newBuilder()
              .setObject(a)
              .addPuts(
                  Put.newBuilder()
                      .setKey("key 2")
                      .setJson(
                          JsonValue.newBuilder()
                              .setType("seriatim.servicetest.Words")
                              .setJson("{\"text\": \"by hand\"}")))
              .build());
      assertThat(
              host.admin
                  .listEntries(
                      ListEntriesRequest.newBuilder().setObject(a).setStartAfter("key").build())
                  .getEntries(0)
                  .getValue())
          .isEqualTo(Probe.words("by hand").toByteString());
      assertThat(
              host.admin
                  .listEntries(
                      ListEntriesRequest.newBuilder()
                          .setObject(a.toBuilder().setName("nobody"))
                          .build())
                  .getEntriesCount())
          .isEqualTo(0);
    }
  }

  // ---- export and import

  @Test
  void aDeploymentMovesFromSqliteToPostgres() throws Exception {
    byte[] mebibyte = new byte[1 << 20];
    List<ObjectSnapshot> objects = new ArrayList<>();
    ObjectSnapshot.Builder large = snapshot(IDS.fromName("large"));
    for (int i = 0; i < 4; i++) {
      large.addEntries(entry("part " + i, ByteString.copyFrom(mebibyte)));
    }
    objects.add(large.clearEntries().setMore(true).addEntries(entry("a")).build());
    for (int i = 0; i < 4; i++) {
      mebibyte[0] = (byte) i;
      objects.add(
          large
              .clearEntries()
              .setMore(i < 3)
              .addEntries(entry("part " + i, ByteString.copyFrom(mebibyte)))
              .build());
    }
    for (int i = 0; i < 600; i++) {
      ObjectSnapshot.Builder object =
          snapshot(i % 5 == 0 ? IDS.newUniqueId() : IDS.fromName("object " + i))
              .addEntries(entry("k" + i))
              .addEntries(entry("\u0000 %_é😀"));
      if (i % 7 == 0) {
        object.setAlarm(LATER);
      }
      objects.add(object.build());
    }
    List<ObjectSnapshot> exported;
    try (Host sqlite = new Host(StorageOptions.sqlite(directory))) {
      assertThat(sqlite.load(IfExists.IF_EXISTS_FAIL, objects).getImported()).isEqualTo(601);
      exported = sqlite.export();
    }
    assertThat(exported.size()).isAtLeast(604);
    String url = PostgresServer.shared().newSchema();
    try (Host postgres = new Host(StorageOptions.postgres(url))) {
      assertThat(postgres.load(IfExists.IF_EXISTS_FAIL, exported).getImported()).isEqualTo(601);
      assertThat(postgres.export()).containsExactlyElementsIn(exported).inOrder();
      assertThat(postgres.load(IfExists.IF_EXISTS_SKIP, exported).getSkipped()).isEqualTo(601);
    }
  }

  @Test
  void whatIsThereIsLeftOrReplacedOrEndsTheImport() throws Exception {
    try (Host host = new Host(StorageOptions.sqlite(directory))) {
      ObjectSnapshot old =
          snapshot(IDS.fromName("a")).addEntries(entry("old")).setAlarm(LATER).build();
      ObjectSnapshot fresh = snapshot(IDS.fromName("a")).addEntries(entry("new")).build();
      assertThat(host.load(IfExists.IF_EXISTS_FAIL, List.of(old)).getImported()).isEqualTo(1);
      Status refused = host.loadFails(IfExists.IF_EXISTS_UNSPECIFIED, fresh);
      assertThat(refused.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
      assertThat(refused.getDescription()).contains("object PROBE/a: it has stored something");
      ImportObjectsResponse skipped = host.load(IfExists.IF_EXISTS_SKIP, List.of(fresh));
      assertThat(skipped.getSkipped()).isEqualTo(1);
      assertThat(skipped.getImported()).isEqualTo(0);
      assertThat(host.export()).containsExactly(old);
      assertThat(host.load(IfExists.IF_EXISTS_REPLACE, List.of(fresh)).getImported()).isEqualTo(1);
      assertThat(host.export()).containsExactly(fresh);
    }
  }

  @Test
  void whatNobodyCouldOpenIsNotImported() throws Exception {
    try (Host host = new Host(StorageOptions.memory())) {
      DurableObjectId other = new DurableObjectIds("other").fromName("a");
      ObjectSnapshot alien =
          ObjectSnapshot.newBuilder().setNamespace(PROBE).setId(other.toString()).build();
      assertFails(host, "is of another namespace", alien);
      assertFails(host, "expected 64 lower-case hex digits", alien.toBuilder().setId("").build());
      assertFails(host, "object PROBE/b has id", snapshot(IDS.fromName("a")).setName("b").build());
      assertFails(
          host,
          "expected one more of PROBE/a",
          snapshot(IDS.fromName("a")).setMore(true).build(),
          snapshot(IDS.fromName("b")).build());
      assertFails(host, "ended in the middle", snapshot(IDS.fromName("a")).setMore(true).build());
      assertFails(
          host,
          "has key 'k' twice",
          snapshot(IDS.fromName("a")).addEntries(entry("k")).addEntries(entry("k")).build());
      assertFails(
          host,
          "expected at most 2048",
          snapshot(IDS.fromName("a")).addEntries(entry("k".repeat(3_000))).build());
      assertThat(host.export()).isEmpty();
    }
  }

  private static void assertFails(Host host, String how, ObjectSnapshot... parts) {
    Status status = host.loadFails(IfExists.IF_EXISTS_FAIL, parts);
    assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(status.getDescription()).contains(how);
  }

  @Test
  void oneObjectIsExported() throws Exception {
    try (Host host = new Host(StorageOptions.sqlite(directory))) {
      ObjectSnapshot a = snapshot(IDS.fromName("a")).addEntries(entry("k")).build();
      ObjectSnapshot ab = snapshot(IDS.fromName("ab")).addEntries(entry("k")).build();
      ObjectSnapshot b = snapshot(IDS.fromName("b")).addEntries(entry("k")).build();
      ImportObjectsResponse _ = host.load(IfExists.IF_EXISTS_FAIL, List.of(b, a, ab));
      ExportObjectsRequest.Builder request = ExportObjectsRequest.newBuilder();
      request.getObjectBuilder().setNamespace(PROBE).setName("b");
      assertThat(host.admin.exportObjects(request.build()).next().getPart()).isEqualTo(b);
      request.getObjectBuilder().setName("c");
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () -> host.admin.exportObjects(request.build()).hasNext());
      assertThat(e).hasMessageThat().isEqualTo("NOT_FOUND: nothing is stored of PROBE/c");
      List<ObjectSnapshot> some = new ArrayList<>();
      host.admin
          .exportObjects(
              ExportObjectsRequest.newBuilder().setNamespace(PROBE).setNamePrefix("a").build())
          .forEachRemaining(response -> some.add(response.getPart()));
      assertThat(some).containsExactly(a, ab).inOrder();
    }
  }

  // ---- backup

  @Test
  void aBackupIsSentAndCanBeRestored() throws Exception {
    Path data = directory.resolve("data");
    Path kept = directory.resolve("backup.db");
    List<ObjectSnapshot> exported;
    try (Host host = new Host(StorageOptions.sqlite(data))) {
      ImportObjectsResponse _ =
          host.load(
              IfExists.IF_EXISTS_FAIL,
              List.of(snapshot(IDS.fromName("a")).addEntries(entry("k")).build()));
      exported = host.export();
      try (OutputStream out = Files.newOutputStream(kept)) {
        Iterator<dev.seriatim.admin.v1.BackupResponse> chunks =
            host.admin.backup(BackupRequest.getDefaultInstance());
        while (chunks.hasNext()) {
          chunks.next().getChunk().writeTo(out);
        }
      }
    }
    StoreRestore.Restored restored = StoreRestore.restore(kept, data, InstantSource.system());
    assertWithMessage("what was there before").that(restored.before().isPresent()).isTrue();
    try (Host host = new Host(StorageOptions.sqlite(data))) {
      assertThat(host.export()).isEqualTo(exported);
    }
    try (Host host = new Host(StorageOptions.memory())) {
      StatusRuntimeException e =
          assertThrows(
              StatusRuntimeException.class,
              () -> host.admin.backup(BackupRequest.getDefaultInstance()).hasNext());
      assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    }
  }
}
