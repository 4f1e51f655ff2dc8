package dev.seriatim.server.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.hash.Hashing;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.seriatim.admin.v1.Condition;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.TailRequest;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is asked of the admin service, and how what it says is shown. */
final class AdminCommandsTest {
  private static final int OBJECTS = 2_500;
  private static final ObjectName FOO =
      ObjectName.newBuilder().setNamespace("COUNTER").setName("foo").build();

  @TempDir private Path directory;
  private ScriptedAdmin admin;

  @BeforeEach
  void begin() throws Exception {
    admin = new ScriptedAdmin(OBJECTS);
  }

  @AfterEach
  void end() {
    admin.close();
  }

  @Test
  void namespaces() {
    assertThat(run(new NamespacesCommand()).lines())
        .containsExactly(
            "NAMESPACE  STORED   LIVE  SERVICE",
            "COUNTER    1000000  2     p.Counter",
            "OLD        7        0     (not served)")
        .inOrder();
    List<String> json = run(new NamespacesCommand(), "-o", "json").lines();
    assertThat(json).hasSize(2);
    assertThat(
            JsonParser.parseString(json.getFirst())
                .getAsJsonObject()
                .get("storedObjects")
                .getAsLong())
        .isEqualTo(1_000_000);
  }

  @Test
  void objectsAreFetchedPageByPage() {
    Ran ran = run(new ObjectsCommand(), "COUNTER/0%30");
    assertThat(ran.lines()).hasSize(OBJECTS + 1);
    assertThat(ran.lines().get(0)).isEqualTo("STATE        ALARM                     OBJECT");
    assertThat(ran.lines().get(1))
        .isEqualTo("stored       -                         COUNTER/0000000");
    assertThat(ran.lines().get(4))
        .isEqualTo("stored       -                         COUNTER/id:" + "0".repeat(63) + "3");
    assertThat(ran.lines().get(OBJECTS))
        .isEqualTo("stored live  2026-01-01T00:00:00Z      COUNTER/0002499");
    assertThat(admin.asked)
        .containsExactly(
            ListObjectsRequest.newBuilder()
                .setNamespace("COUNTER")
                .setNamePrefix("00")
                .setPageSize(1_000)
                .build(),
            ListObjectsRequest.newBuilder()
                .setNamespace("COUNTER")
                .setNamePrefix("00")
                .setPageSize(1_000)
                .setPageToken("1000")
                .build(),
            ListObjectsRequest.newBuilder()
                .setNamespace("COUNTER")
                .setNamePrefix("00")
                .setPageSize(1_000)
                .setPageToken("2000")
                .build())
        .inOrder();
  }

  @Test
  void objectsWithALimitAndAsJson() {
    List<String> lines =
        run(new ObjectsCommand(), "--limit", "1001", "--live", "--alarm", "-o", "json").lines();
    assertThat(lines).hasSize(1_001);
    assertThat(lines.getLast()).contains("\"name\":\"0001000\"");
    ListObjectsRequest last = (ListObjectsRequest) admin.asked.getLast();
    assertThat(last.getPageSize()).isEqualTo(1);
    assertThat(last.getLive() && last.getAlarm()).isTrue();
    assertThat(run(new ObjectsCommand(), "--limit", "0").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(run(new ObjectsCommand(), "/x").status()).isEqualTo(ExitStatus.USAGE);
  }

  @Test
  void anObject() {
    assertThat(run(new ObjectCommand(), "COUNTER/foo").lines())
        .containsExactly(
            "COUNTER/foo",
            "id          " + "0".repeat(63) + "9",
            "stored      3 entries, 12,345 bytes",
            "alarm       2026-01-01T00:00:00Z (due), failed 2 times so far",
            "live        instance since 2026-01-01T00:00:00Z",
            "running     Increment for 1.50s",
            "waiting     4 invocations, 80 bytes",
            "commits     1 pending",
            "stubs       1 open",
            "last break  2026-01-01T00:00:00Z OBJECT_EXCEPTION in Increment: no [31m",
            "",
            "STUB FROM       CALLER  RECEIVED  ANSWERED",
            "10.0.0.7:53211  -       9         4")
        .inOrder();
    assertThat(run(new ObjectCommand(), "COUNTER/foo", "-o", "json").lines()).hasSize(1);
  }

  @Test
  void storageIsListedPageByPageAndShown() {
    Ran all = run(new StorageCommand(), "ls", "COUNTER/foo");
    assertThat(all.lines()).hasSize(2_501);
    assertThat(all.lines().get(0)).isEqualTo("KEY    BYTES  TYPE    VALUE");
    assertThat(all.lines().get(8)).isEqualTo("k0007  2      p.Line  {\"a\":1}");
    assertThat(run(new StorageCommand(), "ls", "COUNTER/foo", "k000", "--limit", "3").lines())
        .hasSize(4);
    assertThat(run(new StorageCommand(), "get", "COUNTER/foo", "k0007").out().strip())
        .isEqualTo("{\"a\":1}");
    assertThat(run(new StorageCommand(), "get", "COUNTER/foo", "k0007", "--hex").out().strip())
        .isEqualTo("7637");
    Ran none = run(new StorageCommand(), "get", "COUNTER/foo", "k000");
    assertThat(none.status()).isEqualTo(ExitStatus.FAILED);
    assertThat(none.err().strip()).isEqualTo("no key 'k000'");
  }

  @Test
  void edits() {
    EditEntriesRequest.Builder edit = EditEntriesRequest.newBuilder().setObject(FOO);
    assertAsked(
        edit.clone()
            .addPuts(Put.newBuilder().setKey("k").setValue(ByteString.copyFromUtf8("v")))
            .build(),
        new StorageCommand(),
        "put",
        "COUNTER/foo",
        "k",
        "v");
    assertAsked(
        edit.clone()
            .addPuts(Put.newBuilder().setKey("k").setValue(ByteString.fromHex("00ff")))
            .addConditions(Condition.newBuilder().setKey("k").setValue(ByteString.fromHex("01")))
            .build(),
        new StorageCommand(),
        "put",
        "COUNTER/foo",
        "k",
        "00ff",
        "--hex",
        "--if-hex",
        "01");
    EditEntriesRequest.Builder typed = edit.clone();
    typed.addPutsBuilder().setKey("k").getJsonBuilder().setType("p.Line").setJson("{\"a\":1}");
    assertAsked(
        typed.addConditions(Condition.newBuilder().setKey("k")).build(),
        new StorageCommand(),
        "put",
        "COUNTER/foo",
        "k",
        "{\"a\":1}",
        "--type",
        "p.Line",
        "--if-absent");
    assertAsked(
        edit.clone().addDeletes("a").addDeletes("b").build(),
        new StorageCommand(),
        "rm",
        "COUNTER/foo",
        "a",
        "b");
    assertAsked(
        edit.clone().setSetAlarm(ScriptedAdmin.TIME).build(),
        new AlarmCommand(),
        "set",
        "COUNTER/foo",
        "2026-01-01T00:00:00Z");
    assertAsked(edit.clone().setDeleteAlarm(true).build(), new AlarmCommand(), "rm", "COUNTER/foo");

    for (String[] wrong :
        new String[][] {
          {"put", "COUNTER/foo", "k"},
          {"put", "COUNTER/foo", "k", "0", "--hex"},
          {"put", "COUNTER/foo", "k", "v", "--if", "a", "--if-absent"},
          {"put", "COUNTER/foo", "k", "{}", "--hex", "--type", "p.Line"},
          {"rm", "COUNTER/foo"}
        }) {
      assertWithMessage("%s", Arrays.toString(wrong))
          .that(run(new StorageCommand(), wrong).status())
          .isEqualTo(ExitStatus.USAGE);
    }
    assertThat(run(new AlarmCommand(), "set", "COUNTER/foo", "soon").err())
        .contains("expected a time such as");
    admin.refuse(Status.Code.ABORTED, "", "key 'k' has 3 bytes, expected none");
    Ran refused = run(new StorageCommand(), "put", "COUNTER/foo", "k", "v", "--if-absent");
    assertThat(refused.status()).isEqualTo(ExitStatus.FAILED);
    assertThat(refused.err().strip()).isEqualTo("key 'k' has 3 bytes, expected none [ABORTED]");
  }

  @Test
  void aTimeFromNowOn() {
    Instant now = Instant.parse("2026-01-01T00:00:00.0004Z");
    assertThat(AdminCommand.instant(AlarmCommand.due("90m", now)))
        .isEqualTo(Instant.parse("2026-01-01T01:30:00Z"));
    assertThat(AdminCommand.instant(AlarmCommand.due("+250ms", now)))
        .isEqualTo(Instant.parse("2026-01-01T00:00:00.250Z"));
  }

  @Test
  void actions() {
    assertThat(run(new ObjectActions.Evict(), "COUNTER/foo").out().strip())
        .isEqualTo("COUNTER/foo is evicted");
    assertThat(run(new ObjectActions.Reset(), "COUNTER/foo", "--why", "hangs").out().strip())
        .isEqualTo("COUNTER/foo was not live");
    assertThat(admin.asked.getLast())
        .isEqualTo(ResetObjectRequest.newBuilder().setObject(FOO).setWhy("hangs").build());
    assertThat(run(new ObjectActions.Delete(), "OLD/id:ab", "-o", "json").out().strip())
        .isEqualTo("{\"done\":true}");
    assertThat(admin.asked.getLast())
        .isEqualTo(
            DeleteObjectRequest.newBuilder()
                .setObject(ObjectName.newBuilder().setNamespace("OLD").setId("ab"))
                .build());
    assertThat(run(new AlarmCommand(), "run", "COUNTER/foo").out().strip())
        .isEqualTo("COUNTER/foo has run its alarm");
    assertThat(run(new AlarmCommand(), "show", "COUNTER/foo").out().strip())
        .isEqualTo("2026-01-01T00:00:00Z (due), failed 2 times so far");
    assertThat(run(new DrainCommand()).out()).contains("is draining");
    assertThat(run(new HostInfoCommand(), "--options").lines())
        .containsAtLeast(
            "version       0.1.0 (abc1234)", "queued        1,234 bytes", "max-stubs     100000")
        .inOrder();
  }

  @Test
  void tail() {
    Ran ran =
        run(
            new TailCommand(),
            "COUNTER/foo",
            "--failures",
            "--slower",
            "1.5s",
            "--payloads",
            "--method",
            "Increment");
    assertThat(admin.asked)
        .containsExactly(
            TailRequest.newBuilder()
                .setNamespace("COUNTER")
                .setName("foo")
                .setMethod("Increment")
                .setFailures(true)
                .setPayloads(true)
                .setSlowerThan(com.google.protobuf.util.Durations.fromMillis(1_500))
                .build());
    String time = "2026-01-01T00:00:00Z            ";
    assertThat(ran.lines())
        .containsExactly(
            time + "COUNTER/foo  Increment #3  waited 0.0200ms, ran 15.0ms  0x0805 -> 'hi'",
            time
                + "COUNTER/foo  Increment #3  waited 0.0200ms, ran 15.0ms  OBJECT_EXCEPTION: no "
                + " 0x0805",
            "(5 left out)",
            time + "COUNTER/foo  (alarm)  waited 0.00ms, ran 0.00ms  '' -> ''",
            time + "COUNTER/id:ab  stub broke: OVERLOADED: too much")
        .inOrder();
    assertThat(run(new TailCommand(), "--count", "2", "-o", "json").lines()).hasSize(2);
  }

  @Test
  void whatIsExportedIsImported() throws Exception {
    List<ObjectSnapshot> parts = ScriptedAdmin.parts(OBJECTS);
    for (String format : List.of("table", "json")) {
      Path file = directory.resolve("export." + format);
      admin.asked.clear();
      Ran exported =
          run(new ExportCommand(), file.toString(), "--objects", "COUNTER/0", "-o", format);
      assertThat(exported).isEqualTo(new Ran(0, "", "2,500 objects" + System.lineSeparator()));
      assertThat(admin.asked)
          .containsExactly(
              ExportObjectsRequest.newBuilder().setNamespace("COUNTER").setNamePrefix("0").build());
      admin.asked.clear();
      assertThat(run(new ImportCommand(), file.toString(), "--if-exists", "skip").out().strip())
          .isEqualTo("2,500 objects imported, 0 were there");
      assertThat(((ImportObjectsRequest) admin.asked.getFirst()).getOptions().getIfExists())
          .isEqualTo(IfExists.IF_EXISTS_SKIP);
      assertThat(imported()).isEqualTo(parts);

      assertThat(run(new ExportCommand(), file.toString()).err()).contains("is there already");
      byte[] whole = Files.readAllBytes(file);
      for (int length : new int[] {whole.length - 1, whole.length / 2, 19}) {
        Files.write(file, Arrays.copyOf(whole, length));
        Ran cut = run(new ImportCommand(), file.toString());
        assertWithMessage("%s of %s bytes of %s", length, whole.length, format)
            .that(cut.status() == 0 && format.equals("table"))
            .isFalse();
        // The end of the last line may be missing; nothing else.
        assertThat(cut.status())
            .isEqualTo(format.equals("json") && length == whole.length - 1 ? 0 : ExitStatus.USAGE);
      }
      Files.writeString(file, "something else");
      assertThat(run(new ImportCommand(), file.toString()).err())
          .contains("is none that seriatim export has written");
    }
    assertThat(run(new ImportCommand(), directory.resolve("none").toString()).err())
        .contains("there is no such file");
  }

  @Test
  void anImportThatTheHostEndsSaysWhy() throws Exception {
    Path file = directory.resolve("export");
    assertThat(run(new ExportCommand(), file.toString()).status()).isEqualTo(0);
    admin.refuse(Status.Code.ALREADY_EXISTS, "", "COUNTER/0000007 has 3 entries, expected none");
    Ran ran = run(new ImportCommand(), file.toString());
    assertThat(ran.status()).isEqualTo(ExitStatus.FAILED);
    assertThat(ran.err().strip())
        .isEqualTo("COUNTER/0000007 has 3 entries, expected none [ALREADY_EXISTS]");
  }

  @Test
  void anExportThatEndsEarlyLeavesNoFile() {
    admin.refuse(Status.Code.DATA_LOSS, "", "a row can't be read");
    Path file = directory.resolve("export");
    assertThat(run(new ExportCommand(), file.toString()).status()).isEqualTo(ExitStatus.FAILED);
    assertThat(directory.toFile().list()).isEmpty();
    assertThat(run(new BackupCommand(), file.toString()).status()).isEqualTo(ExitStatus.FAILED);
    assertThat(directory.toFile().list()).isEmpty();
  }

  @Test
  void aCopyToAnotherHost() throws Exception {
    try (ScriptedAdmin other = new ScriptedAdmin(0)) {
      Ran ran = run(new CopyCommand(), "--objects", "COUNTER", "--to", other.target());
      assertThat(ran.out().strip()).isEqualTo("2,500 objects copied, 0 were there");
      admin.asked.clear();
      admin.asked.addAll(other.asked);
      assertThat(imported()).isEqualTo(ScriptedAdmin.parts(OBJECTS));
    }
    assertThat(run(new CopyCommand(), "COUNTER/a").err()).contains("it would be the same object");
    assertThat(run(new CopyCommand(), "COUNTER/a", "OTHER/b").err())
        .contains("expected an object of namespace COUNTER");
  }

  @Test
  void backup() throws Exception {
    Path file = directory.resolve("backup");
    assertThat(run(new BackupCommand(), file.toString()).out()).startsWith("7 bytes in ");
    assertThat(Files.readString(file)).isEqualTo("one two");
    assertThat(run(new BackupCommand(), file.toString()).status()).isEqualTo(ExitStatus.USAGE);
  }

  @Test
  void whatACommandEndsWith() {
    Object[][] cases = {
      {Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", ExitStatus.NOT_ALLOWED},
      {Status.Code.PERMISSION_DENIED, "PERMISSION_DENIED", ExitStatus.NOT_ALLOWED},
      {Status.Code.NOT_FOUND, "UNKNOWN_NAMESPACE", ExitStatus.USAGE},
      {Status.Code.NOT_FOUND, "", ExitStatus.FAILED},
      {Status.Code.INVALID_ARGUMENT, "INVALID_ID", ExitStatus.USAGE},
      {Status.Code.FAILED_PRECONDITION, "", ExitStatus.FAILED},
      {Status.Code.UNAVAILABLE, "OBJECT_RESET", ExitStatus.RETRYABLE},
      {Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", ExitStatus.RETRYABLE},
      {Status.Code.UNIMPLEMENTED, "", ExitStatus.USAGE},
    };
    for (Object[] each : cases) {
      admin.refuse((Status.Code) each[0], (String) each[1], "because");
      Ran ran = run(new ObjectCommand(), "COUNTER/foo");
      assertWithMessage("%s", Arrays.toString(each)).that(ran.status()).isEqualTo(each[2]);
      assertThat(ran.err()).contains("because");
    }
  }

  @Test
  void aNewToken() throws Exception {
    Path file = directory.resolve("tokens");
    Files.writeString(file, "# mine");
    Ran ran =
        Ran.of(
            new TokenCommand(),
            "new",
            "--name",
            "ci",
            "--group",
            "deploy",
            "--group",
            "x\"y",
            "--file",
            file.toString());
    String token = ran.out().strip();
    assertThat(token).matches("[0-9a-f]{64}");
    assertThat(Files.readString(file))
        .isEqualTo(
            "# mine\n{\"sha256\":\"%s\",\"name\":\"ci\",\"groups\":[\"deploy\",\"x\\\"y\"]}\n"
                .formatted(Hashing.sha256().hashString(token, StandardCharsets.UTF_8).toString()));
    assertThat(Ran.of(new TokenCommand(), "new").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(Ran.of(new TokenCommand(), "new", "--name", "ci").err()).contains("\"sha256\":");
  }

  private List<ObjectSnapshot> imported() {
    return admin.asked.stream()
        .skip(1)
        .map(each -> ((ImportObjectsRequest) each).getPart())
        .toList();
  }

  private void assertAsked(Message expected, Object command, String... arguments) {
    admin.asked.clear();
    Ran ran = run(command, arguments);
    assertWithMessage(ran.err()).that(ran.status()).isEqualTo(0);
    assertThat(admin.asked).containsExactly(expected);
  }

  private Ran run(Object command, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--target", admin.target()));
    return Ran.of(command, all.toArray(String[]::new));
  }
}
