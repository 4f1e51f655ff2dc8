package dev.seriatim.server.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.gson.JsonParser;
import dev.seriatim.server.cli.tally.GetRequest;
import dev.seriatim.server.cli.tally.IncrementRequest;
import dev.seriatim.server.cli.tally.TallyGrpc;
import dev.seriatim.service.Access;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands of operators, on a real host with a SQLite file. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class RealHostTest {
  private static final int OBJECTS = 4;

  @TempDir private Path directory;
  private final List<DurableObjectHost> hosts = new ArrayList<>();

  @AfterEach
  void close() {
    hosts.forEach(DurableObjectHost::close);
  }

  private DurableObjectHost.Builder tallies(Path data) {
    return DurableObjectHost.builder()
        .namespace("TALLY", TallyGrpc.getServiceDescriptor(), TallyObject::new)
        .storage(StorageOptions.sqlite(data))
        .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .service(ProtoReflectionServiceV1.newInstance())
        .admin();
  }

  private String start(DurableObjectHost.Builder builder) throws Exception {
    DurableObjectHost host = builder.build().start();
    hosts.add(host);
    return "localhost:" + host.port();
  }

  private static Ran run(String target, Object command, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--target", target));
    return Ran.of(command, all.toArray(String[]::new));
  }

  private static String out(String target, Object command, String... arguments) {
    Ran ran = run(target, command, arguments);
    assertWithMessage("%s: %s", List.of(arguments), ran.err()).that(ran.status()).isEqualTo(0);
    return ran.out();
  }

  private static Ran increment(String target, String object, int amount) {
    return Ran.of(new CallCommand(), "--target", target, object, "Increment", "amount=" + amount);
  }

  // ---- looking and changing

  @Test
  void whatLooksAndWhatChanges() throws Exception {
    String target = start(tallies(directory.resolve("data")));
    assertThat(increment(target, "TALLY/a", 5).status()).isEqualTo(0);
    assertThat(increment(target, "TALLY/b", 7).status()).isEqualTo(0);
    assertThat(out(target, new HostInfoCommand())).contains("sqlite");
    assertThat(out(target, new NamespacesCommand())).contains("seriatim.server.cli.Tally");
    assertThat(out(target, new ObjectsCommand(), "TALLY").lines().skip(1).toList()).hasSize(2);
    assertThat(out(target, new ObjectsCommand(), "TALLY/b", "--live")).contains("TALLY/b");
    assertThat(out(target, new ObjectCommand(), "TALLY/a")).contains("TALLY/a");
    assertThat(out(target, new StorageCommand(), "ls", "TALLY/a")).contains("value");
    assertThat(out(target, new StorageCommand(), "get", "TALLY/a", "value")).contains("5");
    String type = "google.protobuf.Int64Value";
    String changed =
        out(target, new StorageCommand(), "put", "TALLY/a", "value", "\"6\"", "--type", type);
    assertThat(changed).isNotNull();
    assertThat(increment(target, "TALLY/a", 1).out().strip()).isEqualTo("{\"value\":\"7\"}");
    assertThat(
            run(target, new StorageCommand(), "put", "TALLY/a", "value", "x", "--if-absent")
                .status())
        .isEqualTo(ExitStatus.FAILED);
    out(target, new AlarmCommand(), "set", "TALLY/a", "10m");
    assertThat(out(target, new ObjectsCommand(), "TALLY", "--alarm").lines().toList()).hasSize(2);
    out(target, new AlarmCommand(), "rm", "TALLY/a");
    assertThat(out(target, new ObjectActions.Evict(), "TALLY/a")).isNotEmpty();
    assertThat(out(target, new CopyCommand(), "TALLY/a", "TALLY/c")).isNotEmpty();
    assertThat(increment(target, "TALLY/c", 1).out().strip()).isEqualTo("{\"value\":\"8\"}");
    out(target, new ObjectActions.Delete(), "TALLY/b");
    assertThat(increment(target, "TALLY/b", 1).out().strip()).isEqualTo("{\"value\":\"1\"}");
    String file = directory.resolve("export").toString();
    out(target, new ExportCommand(), file);
    String other = start(tallies(directory.resolve("other")));
    out(other, new ImportCommand(), file);
    assertThat(increment(other, "TALLY/c", 1).out().strip()).isEqualTo("{\"value\":\"9\"}");
    assertThat(run(other, new ImportCommand(), file).status()).isEqualTo(ExitStatus.FAILED);
    out(other, new ImportCommand(), file, "--if-exists", "replace");
    assertThat(increment(other, "TALLY/c", 1).out().strip()).isEqualTo("{\"value\":\"9\"}");
  }

  @Test
  void whatHappensIsShownWhileItHappens() throws Exception {
    String target = start(tallies(directory.resolve("data")));
    FutureTask<Ran> tail =
        new FutureTask<>(
            () -> run(target, new TailCommand(), "TALLY/a", "--count", "2", "-o", "json"));
    Thread.ofVirtual().start(tail);
    // Nothing says when it has begun: so things happen until two of them are shown.
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!tail.isDone()) {
      assertWithMessage("two events").that(System.nanoTime() - end).isLessThan(0L);
      assertThat(increment(target, "TALLY/a", 1).status()).isEqualTo(0);
    }
    Ran ran = tail.get();
    assertThat(ran.status()).isEqualTo(0);
    assertThat(ran.lines()).hasSize(2);
    assertThat(
            JsonParser.parseString(ran.lines().getFirst())
                .getAsJsonObject()
                .getAsJsonObject("turn")
                .get("method")
                .getAsString())
        .isEqualTo("Increment");
  }

  // ---- what commands end with

  private static final class NoRights implements Authorizer {
    @Override
    public Access access(
        Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
      return Access.denied();
    }

    @Override
    public Set<AdminRight> adminRights(Caller caller) {
      return EnumSet.noneOf(AdminRight.class);
    }
  }

  @Test
  void eachExitStatusOfARealHost() throws Exception {
    String target = start(tallies(directory.resolve("data")));
    assertThat(increment(target, "TALLY/a", 1).status()).isEqualTo(ExitStatus.OK);
    assertThat(run(target, new NamespacesCommand()).status()).isEqualTo(ExitStatus.OK);
    assertThat(increment(target, "TALLY/a", 0).status()).isEqualTo(ExitStatus.FAILED);
    assertThat(run(target, new ObjectCommand(), "TALLY/none").status())
        .isEqualTo(ExitStatus.FAILED);
    assertThat(run(target, new AlarmCommand(), "run", "TALLY/a").status())
        .isEqualTo(ExitStatus.FAILED);
    assertThat(run(target, new ObjectCommand(), "NONE/a").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(run(target, new ObjectsCommand(), "--limit", "x").status())
        .isEqualTo(ExitStatus.USAGE);
    String guarded = start(tallies(directory.resolve("guarded")).authorizer(new NoRights()));
    assertThat(run(guarded, new NamespacesCommand()).status()).isEqualTo(ExitStatus.NOT_ALLOWED);
    assertThat(increment(guarded, "TALLY/a", 1).status()).isEqualTo(ExitStatus.NOT_ALLOWED);
    hosts.getFirst().close();
    assertThat(run(target, new NamespacesCommand()).status()).isEqualTo(ExitStatus.NO_CONNECTION);
  }

  @Test
  void whatMaySucceedLaterEndsWithAStatusOfItsOwn() throws Exception {
    Path data = directory.resolve("data");
    String owner = start(tallies(data));
    String waiting = start(tallies(data)); // For the directory, which the first has.
    assertThat(increment(owner, "TALLY/a", 1).status()).isEqualTo(ExitStatus.OK);
    assertThat(increment(waiting, "TALLY/a", 1).status()).isEqualTo(ExitStatus.RETRYABLE);
  }

  // ---- backup and restore

  /** What was written: one journal, spread over the objects. */
  private static List<Long> journal(String target) {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(target).usePlaintext().build();
    try (DurableObjects client = DurableObjects.on(channel)) {
      List<Long> values = new ArrayList<>();
      for (int i = 0; i < OBJECTS; i++) {
        try (DurableObjectStub stub = client.namespace("TALLY").getByName("o" + i)) {
          values.add(
              TallyGrpc.newBlockingStub(stub.channel())
                  .get(GetRequest.getDefaultInstance())
                  .getValue());
        }
      }
      return values;
    } finally {
      channel.shutdownNow();
    }
  }

  /** What the objects have when so many of the journal's turns have run. */
  private static List<Long> expected(int turns) {
    List<Long> values = new ArrayList<>();
    for (int i = 0; i < OBJECTS; i++) {
      values.add((long) (turns / OBJECTS + (i < turns % OBJECTS ? 1 : 0)));
    }
    return values;
  }

  @Test
  void aBackupUnderLoadIsTheJournalUpToAMomentBetweenTwoTurns() throws Exception {
    String target = start(tallies(directory.resolve("data")));
    AtomicInteger sent = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    AtomicBoolean stop = new AtomicBoolean();
    FutureTask<Void> writer = new FutureTask<>(() -> write(target, sent, done, stop), null);
    Thread.ofVirtual().start(writer);
    List<Path> backups = new ArrayList<>();
    List<Integer> least = new ArrayList<>();
    List<Integer> most = new ArrayList<>();
    try {
      for (int i = 0; i < 5; i++) {
        int before = done.get();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (done.get() < before + 50) {
          assertWithMessage("fifty turns").that(System.nanoTime() - end).isLessThan(0L);
          Thread.onSpinWait();
        }
        Path file = directory.resolve("backup" + i);
        least.add(done.get());
        out(target, new BackupCommand(), file.toString());
        most.add(sent.get());
        backups.add(file);
      }
    } finally {
      stop.set(true);
    }
    writer.get(60, TimeUnit.SECONDS);
    for (int i = 0; i < backups.size(); i++) {
      Path data = directory.resolve("restored" + i);
      Ran restored =
          Ran.of(new RestoreCommand(), backups.get(i).toString(), "--data", data.toString());
      assertThat(restored.status()).isEqualTo(0);
      assertThat(restored.lines())
          .containsExactly(OBJECTS + " objects in " + data.resolve("seriatim.db"));
      List<Long> values = journal(start(tallies(data)));
      int turns = values.stream().mapToInt(Long::intValue).sum();
      assertWithMessage("backup %s, after %s turns", i, turns)
          .that(values)
          .isEqualTo(expected(turns));
      assertThat(turns).isAtLeast(least.get(i));
      assertThat(turns).isAtMost(most.get(i));
    }
  }

  private static void write(
      String target, AtomicInteger sent, AtomicInteger done, AtomicBoolean stop) {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(target).usePlaintext().build();
    try (DurableObjects client = DurableObjects.on(channel)) {
      List<TallyGrpc.TallyBlockingStub> objects = new ArrayList<>();
      for (int i = 0; i < OBJECTS; i++) {
        objects.add(
            TallyGrpc.newBlockingStub(client.namespace("TALLY").getByName("o" + i).channel()));
      }
      while (!stop.get()) {
        int turn = sent.getAndIncrement();
        var _ =
            objects
                .get(turn % OBJECTS)
                .increment(IncrementRequest.newBuilder().setAmount(1).build());
        done.incrementAndGet();
      }
    } finally {
      channel.shutdownNow();
    }
  }

  @Test
  void aRestoreKeepsWhatWasThere() throws Exception {
    Path data = directory.resolve("data");
    Path backup = directory.resolve("backup");
    String target = start(tallies(data));
    assertThat(increment(target, "TALLY/a", 5).status()).isEqualTo(0);
    out(target, new BackupCommand(), backup.toString());
    assertThat(increment(target, "TALLY/a", 5).status()).isEqualTo(0);
    Ran used = Ran.of(new RestoreCommand(), backup.toString(), "--data", data.toString());
    assertThat(used.status()).isEqualTo(ExitStatus.FAILED);
    assertThat(used.err()).contains("is in use by another host");
    hosts.getFirst().close();
    Ran done =
        Ran.of(new RestoreCommand(), backup.toString(), "--data", data.toString(), "-o", "json");
    assertThat(done.status()).isEqualTo(0);
    Path before =
        Path.of(JsonParser.parseString(done.out()).getAsJsonObject().get("before").getAsString());
    assertThat(Files.exists(before)).isTrue();
    assertThat(increment(start(tallies(data)), "TALLY/a", 1).out().strip())
        .isEqualTo("{\"value\":\"6\"}");
  }

  @Test
  void whatIsNoSoundBackupChangesNothing() throws Exception {
    Path data = directory.resolve("data");
    Path backup = directory.resolve("backup");
    String target = start(tallies(data));
    assertThat(increment(target, "TALLY/a", 5).status()).isEqualTo(0);
    out(target, new BackupCommand(), backup.toString());
    hosts.getFirst().close();
    Path text = Files.writeString(directory.resolve("text"), "not a database at all\n".repeat(99));
    Path newer = Files.copy(backup, directory.resolve("newer"));
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + newer);
        Statement statement = connection.createStatement()) {
      statement.execute("UPDATE schema_version SET version = 1000");
    }
    Path damaged = directory.resolve("damaged");
    byte[] bytes = Files.readAllBytes(backup);
    for (int i = 4096; i < bytes.length; i++) {
      bytes[i] = (byte) ~bytes[i];
    }
    Files.write(damaged, bytes);
    byte[] before = Files.readAllBytes(data.resolve("seriatim.db"));
    for (Path wrong : List.of(text, newer, damaged, directory.resolve("none"))) {
      Ran ran = Ran.of(new RestoreCommand(), wrong.toString(), "--data", data.toString());
      assertWithMessage("%s: %s", wrong, ran.err()).that(ran.status()).isEqualTo(1);
      assertThat(ran.err()).contains(wrong.toString());
    }
    assertThat(Files.readAllBytes(data.resolve("seriatim.db"))).isEqualTo(before);
    assertThat(increment(start(tallies(data)), "TALLY/a", 1).out().strip())
        .isEqualTo("{\"value\":\"6\"}");
  }
}
