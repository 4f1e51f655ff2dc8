package dev.seriatim.server.cli;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.server.cli.tally.IncrementRequest;
import dev.seriatim.server.cli.tally.TallyGrpc;
import dev.seriatim.server.cli.tally.TallyProto;
import dev.seriatim.server.cli.tally.TallyValue;
import dev.seriatim.service.Access;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.Wait;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.StreamObserver;
import java.io.StringReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls from a command line, of the objects of a real host. */
final class CallCommandTest {
  @TempDir private static Path directory;

  private final List<DurableObjectHost> hosts = new ArrayList<>();

  @AfterEach
  void close() {
    hosts.forEach(DurableObjectHost::close);
  }

  @Test
  void aLineOfJsonForEachOutcomeInOrder() throws Exception {
    String target = host(true);
    Ran ran =
        call(
            target,
            "COUNTER/foo",
            "Increment",
            "amount=5",
            ",",
            "Increment",
            "amount=2",
            ",",
            "Get");

    assertThat(ran)
        .isEqualTo(
            new Ran(0, lines("{\"value\":\"5\"}", "{\"value\":\"7\"}", "{\"value\":\"7\"}"), ""));
  }

  @Test
  void afterABreakATableSaysWhatRanWhatFailedAndWhatNeverStarted() throws Exception {
    Ran ran =
        call(
            host(true),
            "COUNTER/broken",
            "Increment",
            "amount=5",
            ",",
            "Increment",
            "amount=0",
            ",",
            "Increment",
            "amount=2",
            ",",
            "Get");

    assertThat(ran.status()).isEqualTo(ExitStatus.FAILED);
    assertThat(ran.out()).isEqualTo(lines("{\"value\":\"5\"}"));
    assertThat(ran.complaints())
        .containsExactly(
            "CALL  METHOD     WHAT BECAME OF IT",
            "1     Increment  ran                {\"value\":\"5\"}",
            "2     Increment  failed             INVALID_ARGUMENT OBJECT_EXCEPTION: amount 0,"
                + " expected any other number",
            "3     Increment  never started",
            "4     Get        never started")
        .inOrder();
  }

  @Test
  void theSameAsJson() throws Exception {
    Ran ran = call(host(true), "COUNTER/json", "-o", "json", "Get", ",", "Increment", ",", "Get");

    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.err()).isEmpty();
    assertThat(ran.lines())
        .containsExactly(
            "{\"call\":1,\"method\":\"Get\",\"became\":\"ran\",\"reply\":{\"value\":\"0\"}}",
            "{\"call\":2,\"method\":\"Increment\",\"became\":\"failed\",\"fate\":\"NOT_EXECUTED\","
                + "\"code\":\"INVALID_ARGUMENT\",\"reason\":\"OBJECT_EXCEPTION\",\"message\":\"amount"
                + " 0, expected any other number\",\"retryable\":false}",
            "{\"call\":3,\"method\":\"Get\",\"became\":\"never started\",\"fate\":\"NOT_EXECUTED\","
                + "\"code\":\"INVALID_ARGUMENT\",\"reason\":\"OBJECT_EXCEPTION\",\"message\":\"amount"
                + " 0, expected any other number\",\"retryable\":false}")
        .inOrder();
  }

  @Test
  void withoutAMethodItTellsWhichThereAre() throws Exception {
    String target = host(true);
    Ran counter = call(target, "COUNTER/foo");
    assertThat(counter.status()).isEqualTo(0);
    assertThat(counter.lines())
        .containsExactly(
            "COUNTER/foo is a seriatim.server.cli.Tally",
            "METHOD     FIELDS                                      REPLY",
            "Increment  amount: int64                               value: int64",
            "Get                                                    value: int64",
            "Append     text: string, after: duration such as 2.5s  lines: [Line]",
            "",
            "MESSAGE  FIELDS",
            "Line     text: string, after: duration such as 2.5s")
        .inOrder();
    assertThat(call(target, "COUNTER/foo", "-o", "json").lines())
        .contains(
            "{\"method\":\"Increment\",\"fields\":{\"amount\":\"int64\"},"
                + "\"reply\":{\"value\":\"int64\"}}");
  }

  @Test
  void fieldsAndWholeMessagesFromStandardInput() throws Exception {
    String target = host(true);
    Ran ran =
        Ran.of(
            new CallCommand(new StringReader("{\"text\":\"one\"} {\"text\":\"two\"}")),
            "--target",
            target,
            "COUNTER/j",
            "Append",
            "-",
            ",",
            "Append",
            "-",
            ",",
            "Append",
            "text=5",
            "after=1s");
    assertThat(ran.err()).isEmpty();
    assertThat(ran.lines().getLast())
        .isEqualTo(
            "{\"lines\":[{\"text\":\"one\"},{\"text\":\"two\"},{\"text\":\"5\",\"after\":\"1s\"}]}");
    assertThat(call(target, "COUNTER/j", "Append", "-").err())
        .contains("standard input has ended, expected JSON");
  }

  @Test
  void nothingIsSentIfAWordIsWrong() throws Exception {
    String target = host(true);
    Ran ran = call(target, "COUNTER/w", "Increment", "amount=1", ",", "Increment", "amout=2");
    assertThat(ran.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(ran.err())
        .isEqualTo(
            lines("'amout': IncrementRequest has no field 'amout', expected one of [amount]"));
    assertThat(call(target, "COUNTER/w", "Get").out()).isEqualTo(lines("{\"value\":\"0\"}"));

    assertThat(call(target, "COUNTER/w", "Decrement").err())
        .contains("has no method 'Decrement', expected one of [Increment, Get, Append]");
    assertThat(call(target, "COUNTER/w", "Get", ",").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(call(target, "COUNTER").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(call(target, "COUNTER").err()).contains("expected NAMESPACE/NAME");
    assertThat(call(target, "NOBODY/w", "Get").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(call(target, "NOBODY/w", "Get").err()).contains("namespace 'NOBODY', expected");
    assertThat(call(target, "COUNTER/id:12", "Get").status()).isEqualTo(ExitStatus.USAGE);
    assertThat(call(target, "COUNTER/w", "Get", "--timeout", "soon").status()).isEqualTo(2);
  }

  @Test
  void aNameMayHaveWhatAHeaderCannot() throws Exception {
    String target = host(true);
    assertThat(call(target, "COUNTER/Größe / 5", "Increment", "amount=3").status()).isEqualTo(0);
    assertThat(call(target, "COUNTER/Gr%C3%B6%C3%9Fe%20/ 5", "Get").out())
        .isEqualTo(lines("{\"value\":\"3\"}"));
    assertThat(call(target, "COUNTER/5%", "Get").err()).contains("expected %25");
  }

  @Test
  void anObjectByItsId() throws Exception {
    String target = host(true);
    String id = new dev.seriatim.stub.DurableObjectIds("COUNTER").fromName("by id").toString();
    assertThat(call(target, "COUNTER/by id", "Increment", "amount=3").status()).isEqualTo(0);
    assertThat(call(target, "COUNTER/id:" + id, "Get").out()).isEqualTo(lines("{\"value\":\"3\"}"));
  }

  @Test
  void aKeyHasTheSameCallsExecutedOnce() throws Exception {
    String target = host(true);
    String[] twice = {
      "COUNTER/once",
      "--idempotency-key",
      "k",
      "Increment",
      "amount=3",
      ",",
      "Increment",
      "amount=4"
    };
    assertThat(call(target, twice).lines())
        .containsExactly("{\"value\":\"3\"}", "{\"value\":\"7\"}")
        .inOrder();
    assertThat(call(target, twice).lines())
        .containsExactly("{\"value\":\"3\"}", "{\"value\":\"7\"}")
        .inOrder();
  }

  @Test
  void aResumableStub() throws Exception {
    assertThat(call(host(true), "COUNTER/r", "--resumable", "Increment", "amount=3").out())
        .isEqualTo(lines("{\"value\":\"3\"}"));
  }

  @Test
  void aHostThatDoesNotTellItsMessages() throws Exception {
    String target = host(false);
    assertThat(call(target, "COUNTER/foo").lines())
        .contains(
            "Get        seriatim.server.cli.GetRequest        seriatim.server.cli.TallyValue");
    Ran blind = call(target, "COUNTER/foo", "Get");
    assertThat(blind.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(blind.err()).contains("give --descriptors");

    Path file = directory.resolve("descriptors");
    Files.write(
        file,
        FileDescriptorSet.newBuilder()
            .addFile(TallyProto.getDescriptor().toProto())
            .addFile(com.google.protobuf.DurationProto.getDescriptor().toProto())
            .build()
            .toByteArray());
    assertThat(call(target, "COUNTER/foo", "--descriptors", file.toString(), "Get").out())
        .isEqualTo(lines("{\"value\":\"0\"}"));
    Files.write(file, FileDescriptorSet.getDefaultInstance().toByteArray());
    assertThat(call(target, "COUNTER/foo", "--descriptors", file.toString(), "Get").err())
        .contains("has no seriatim.server.cli.Tally");
  }

  @Test
  void noConnection() throws Exception {
    String target = host(true);
    hosts.removeLast().close();
    Ran ran = call(target, "COUNTER/foo", "Get");
    assertThat(ran.status()).isEqualTo(ExitStatus.NO_CONNECTION);
    assertThat(ran.err()).startsWith("no connection to " + target + ": Connection refused");
  }

  @Test
  void whatWasSentIsUnknownIfTheConnectionIsLost() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    String target =
        host(
            true,
            builder ->
                builder
                    .namespace(
                        "HELD",
                        TallyGrpc.getServiceDescriptor(),
                        state -> new Held(state, entered, release))
                    .admin());
    try (CutWire wire = CutWire.to(target)) {
      Thread cutter =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      Wait.on(entered, "a turn");
                      awaitReceived(target, 2);
                    } finally {
                      wire.cut();
                    }
                  });
      Ran ran = call(wire.target(), "HELD/x", "Increment", "amount=1", ",", "Get");
      cutter.join();
      assertThat(ran.status()).isEqualTo(ExitStatus.NO_CONNECTION);
      assertThat(ran.out()).isEmpty();
      assertThat(ran.complaints().get(1))
          .startsWith("1     Increment  unknown            UNAVAILABLE CONNECTION_LOST: ");
      assertThat(ran.complaints().get(2)).isEqualTo("2     Get        unknown");
    } finally {
      release.countDown();
    }
  }

  /** Waits until the host has so many calls of the stub on HELD/x: only those were sent. */
  private static void awaitReceived(String target, long count) {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(target).usePlaintext().build();
    try {
      AdminGrpc.AdminBlockingStub admin = AdminGrpc.newBlockingStub(channel);
      GetObjectRequest held =
          GetObjectRequest.newBuilder()
              .setObject(ObjectName.newBuilder().setNamespace("HELD").setName("x"))
              .build();
      Wait.until(
          () ->
              admin.getObject(held).getLive().getStubsList().stream()
                  .anyMatch(stub -> stub.getReceivedThrough() == count),
          count + " calls at the host");
    } finally {
      channel.shutdownNow();
    }
  }

  /** Holds every turn that increments. */
  private static final class Held extends TallyObject {
    private final CountDownLatch entered;
    private final CountDownLatch release;

    Held(DurableObjectState state, CountDownLatch entered, CountDownLatch release) {
      super(state);
      this.entered = entered;
      this.release = release;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<TallyValue> reply) {
      entered.countDown();
      try {
        release.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      super.increment(request, reply);
    }
  }

  @Test
  void whereTheHostIsMayBeInTheEnvironment() throws Exception {
    assertThat(
            Ran.of(new CallCommand(), Map.of("SERIATIM_TARGET", host(true)), "COUNTER/foo", "Get")
                .out())
        .isEqualTo(lines("{\"value\":\"0\"}"));
  }

  @Test
  void whoIsNotAllowedEndsWithFour() throws Exception {
    String target =
        host(true, builder -> builder.authorizer((caller, namespace, name, id) -> Access.denied()));
    Ran ran = call(target, "COUNTER/foo", "Get");
    assertThat(ran.status()).isEqualTo(ExitStatus.NOT_ALLOWED);
    assertThat(ran.err()).contains("PERMISSION_DENIED");
  }

  private static Ran call(String target, String... arguments) {
    List<String> all = new ArrayList<>(List.of("--target", target));
    all.addAll(List.of(arguments));
    return Ran.of(new CallCommand(new StringReader("")), all.toArray(String[]::new));
  }

  private String host(boolean reflection) throws Exception {
    return host(reflection, builder -> {});
  }

  private String host(boolean reflection, Consumer<DurableObjectHost.Builder> more)
      throws Exception {
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    builder.namespace("COUNTER", TallyGrpc.getServiceDescriptor(), TallyObject::new);
    if (reflection) {
      builder.service(ProtoReflectionServiceV1.newInstance());
    }
    more.accept(builder);
    DurableObjectHost host = builder.build();
    hosts.add(host);
    host.start();
    return "localhost:" + host.port();
  }

  private static String lines(String... lines) {
    return String.join(System.lineSeparator(), lines) + System.lineSeparator();
  }
}
