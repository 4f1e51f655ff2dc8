package dev.seriatim.service.admin;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.base.Stopwatch;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.storage.PostgresServer;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pages and moves of many objects, over the network. Those with a million objects run only if they
 * are told so, since they take minutes: {@code -Dmillion=1000000}.
 */
final class ManyObjectsTest {
  private static final String PROBE = "PROBE";
  private static final DurableObjectIds IDS = new DurableObjectIds(PROBE);
  private static final int OBJECTS = 16;

  @TempDir private Path directory;

  /** A host, and its client. */
  private static final class Host implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;
    final AdminGrpc.AdminBlockingStub admin;
    final DurableObjects client;

    Host(StorageOptions storage) throws Exception {
      host =
          DurableObjectHost.builder()
              .namespace(PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
              .storage(storage)
              .admin()
              .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .build()
              .start();
      host.awaitServing();
      channel =
          NettyChannelBuilder.forAddress("127.0.0.1", host.port())
              .usePlaintext()
              .maxInboundMessageSize(64 << 20)
              .build();
      admin = AdminGrpc.newBlockingStub(channel);
      client = DurableObjects.on(channel);
    }

    Importing load() throws Exception {
      return new Importing(channel);
    }

    void edit(String name) {
      var _ =
          admin.editEntries(
              EditEntriesRequest.newBuilder()
                  .setObject(named(name))
                  .addPuts(Put.newBuilder().setKey("k").setValue(ByteString.copyFromUtf8("v")))
                  .build());
    }

    void delete(String name) {
      var _ = admin.deleteObject(DeleteObjectRequest.newBuilder().setObject(named(name)).build());
    }

    @Override
    public void close() {
      client.close();
      channel.shutdownNow();
      host.close();
    }
  }

  /** An import that is under way. */
  private static final class Importing {
    private final BlockingClientCall<ImportObjectsRequest, ImportObjectsResponse> call;

    Importing(ManagedChannel channel) throws Exception {
      call =
          ClientCalls.blockingClientStreamingCall(
              channel, AdminGrpc.getImportObjectsMethod(), CallOptions.DEFAULT);
      write(
          ImportObjectsRequest.newBuilder().setOptions(ImportOptions.getDefaultInstance()).build());
    }

    void add(ObjectSnapshot part) throws Exception {
      write(ImportObjectsRequest.newBuilder().setPart(part).build());
    }

    private void write(ImportObjectsRequest request) throws Exception {
      assertWithMessage("the host takes more").that(call.write(request)).isTrue();
    }

    long end() throws Exception {
      call.halfClose();
      ImportObjectsResponse answer = call.read();
      assertThat(answer).isNotNull();
      return answer == null ? 0 : answer.getImported();
    }
  }

  private static ObjectName named(String name) {
    return ObjectName.newBuilder().setNamespace(PROBE).setName(name).build();
  }

  private static ObjectSnapshot snapshot(String name, int bytes) {
    return ObjectSnapshot.newBuilder()
        .setNamespace(PROBE)
        .setName(name)
        .setId(IDS.fromName(name).toString())
        .addEntries(
            Entry.newBuilder()
                .setKey("value")
                .setValue(ByteString.copyFromUtf8((name + " ").repeat(bytes / 16))))
        .build();
  }

  // ---- objects that come and go

  @Test
  void whatIsThereAllTheTimeStandsOnOnePageInOrder() throws Exception {
    try (Host host = new Host(StorageOptions.sqlite(directory))) {
      Seeds.each(100, seed -> new World(host, seed).check());
    }
  }

  /** Some objects whose names begin alike, and what becomes of them between two pages. */
  private static final class World {
    private final Host host;
    private final Random random;
    private final String prefix;
    private final Map<String, DurableObjectStub> open = new HashMap<>();

    World(Host host, long seed) {
      this.host = host;
      this.random = new Random(seed);
      this.prefix = "seed " + seed + "/";
    }

    void check() throws Exception {
      List<String> names = new ArrayList<>();
      Importing importing = host.load();
      List<String> allTheTime = new ArrayList<>();
      for (int i = 0; i < OBJECTS; i++) {
        String name = prefix + random.nextInt(1_000) + "." + i;
        switch (random.nextInt(4)) {
          case 0 -> { // Stored, and stays.
            importing.add(snapshot(name, 32));
            allTheTime.add(name);
          }
          case 1 -> { // Stored, and may go.
            importing.add(snapshot(name, 32));
            names.add(name);
          }
          case 2 -> { // Live, and stays.
            wake(name);
            allTheTime.add(name);
          }
          default -> names.add(name); // May come.
        }
      }
      long _ = importing.end();
      List<String> found = new ArrayList<>();
      String token = "";
      do {
        ListObjectsResponse page =
            host.admin.listObjects(
                ListObjectsRequest.newBuilder()
                    .setNamespace(PROBE)
                    .setNamePrefix(prefix)
                    .setPageSize(1 + random.nextInt(6))
                    .setPageToken(token)
                    .build());
        page.getObjectsList().forEach(object -> found.add(object.getName()));
        token = page.getNextPageToken();
        for (int i = random.nextInt(3); i > 0 && !names.isEmpty(); i--) {
          change(names.get(random.nextInt(names.size())));
        }
        if (!allTheTime.isEmpty() && random.nextInt(3) == 0) {
          String name = allTheTime.get(random.nextInt(allTheTime.size()));
          var _ =
              host.admin.evictObject(
                  EvictObjectRequest.newBuilder().setObject(named(name)).build());
        }
      } while (!token.isEmpty());
      open.values().forEach(DurableObjectStub::close);
      assertThat(found).isInStrictOrder();
      assertThat(found).containsAtLeastElementsIn(allTheTime);
    }

    private void wake(String name) {
      DurableObjectStub stub = host.client.namespace(PROBE).getByName(name);
      open.put(name, stub);
      assertThat(ProbeGrpc.newBlockingStub(stub.channel()).do_(Probe.words("x")).getText())
          .isEqualTo("x");
    }

    private void change(String name) {
      DurableObjectStub stub = open.remove(name);
      if (stub != null) {
        stub.close();
      } else {
        switch (random.nextInt(3)) {
          case 0 -> host.edit(name);
          case 1 -> host.delete(name);
          default -> wake(name);
        }
      }
    }
  }

  // ---- a million

  @Test
  @EnabledIfSystemProperty(named = "million", matches = "\\d+")
  void aMillionObjectsArePagedThroughAndMoveToPostgres() throws Exception {
    int objects = Integer.getInteger("million", 1_000);
    StorageOptions postgresql = StorageOptions.postgres(PostgresServer.shared().newSchema());
    try (Host sqlite = new Host(StorageOptions.sqlite(directory));
        Host postgres = new Host(postgresql)) {
      Stopwatch watch = Stopwatch.createStarted();
      Importing importing = sqlite.load();
      for (int i = 0; i < objects; i++) {
        importing.add(snapshot("name %09d".formatted(i), 100));
      }
      assertThat(importing.end()).isEqualTo(objects);
      report("imported into SQLite", objects, watch);
      pageThrough(sqlite, objects);
      watch.reset().start();
      Importing moving = postgres.load();
      Iterator<ExportObjectsResponse> parts =
          sqlite.admin.exportObjects(
              ExportObjectsRequest.newBuilder().setNamespace(PROBE).setNamePrefix("name ").build());
      parts.forEachRemaining(part -> add(moving, part.getPart()));
      assertThat(moving.end()).isEqualTo(objects);
      report("exported from SQLite and imported into PostgreSQL", objects, watch);
      watch.reset().start();
      String before = hash(sqlite, objects);
      report("exported from SQLite", objects, watch);
      watch.reset().start();
      assertThat(hash(postgres, objects)).isEqualTo(before);
      report("exported from PostgreSQL", objects, watch);
    }
  }

  private static void add(Importing to, ObjectSnapshot part) {
    try {
      to.add(part);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Of all that is exported, in order. */
  private static String hash(Host host, int objects) {
    Hasher hasher = Hashing.sha256().newHasher();
    int found = 0;
    Iterator<ExportObjectsResponse> parts =
        host.admin.exportObjects(
            ExportObjectsRequest.newBuilder().setNamespace(PROBE).setNamePrefix("name ").build());
    while (parts.hasNext()) {
      hasher.putBytes(parts.next().getPart().toByteArray());
      found++;
    }
    assertThat(found).isEqualTo(objects);
    return hasher.hash().toString();
  }

  /** While others come and go between those that are there all the time. */
  private static void pageThrough(Host host, int objects) throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    FutureTask<Integer> others =
        new FutureTask<>(
            () -> {
              Random random = new Random(1);
              int changes = 0;
              for (; !stop.get(); changes++) {
                String name = "name %09d other".formatted(random.nextInt(objects));
                host.edit(name);
                host.delete(name);
              }
              return changes;
            });
    Thread.ofVirtual().start(others);
    Stopwatch watch = Stopwatch.createStarted();
    int found = 0;
    String last = "";
    String token = "";
    long slowest = 0;
    try {
      do {
        long began = System.nanoTime();
        ListObjectsResponse page =
            host.admin.listObjects(
                ListObjectsRequest.newBuilder().setPageSize(1_000).setPageToken(token).build());
        slowest = Math.max(slowest, System.nanoTime() - began);
        for (ObjectSummary object : page.getObjectsList()) {
          assertThat(object.getName()).isGreaterThan(last);
          last = object.getName();
          if (!last.endsWith("other")) {
            assertThat(last).isEqualTo("name %09d".formatted(found++));
          }
        }
        token = page.getNextPageToken();
      } while (!token.isEmpty());
    } finally {
      stop.set(true);
    }
    assertThat(found).isEqualTo(objects);
    report("paged through, slowest page %,d ms".formatted(slowest / 1_000_000), objects, watch);
    System.out.printf("others came and went meanwhile: %,d%n", others.get());
    watch.reset().start();
    assertThat(
            host.admin
                .listNamespaces(ListNamespacesRequest.getDefaultInstance())
                .getNamespaces(0)
                .getStoredObjects())
        .isAtLeast(objects);
    report("counted", objects, watch);
  }

  private static void report(String what, int objects, Stopwatch watch) {
    double seconds = watch.elapsed(TimeUnit.MILLISECONDS) / 1e3;
    Runtime runtime = Runtime.getRuntime();
    System.out.printf(
        "%s: %,d objects in %.1f s, %,.0f a second; heap %,d MiB of at most %,d%n",
        what,
        objects,
        seconds,
        objects / seconds,
        (runtime.totalMemory() - runtime.freeMemory()) >> 20,
        runtime.maxMemory() >> 20);
  }
}
