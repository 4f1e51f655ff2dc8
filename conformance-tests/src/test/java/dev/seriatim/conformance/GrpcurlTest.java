package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.seriatim.service.DurableObjectHost;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Drives the host with the real grpcurl, which knows nothing of Seriatim: it learns the contract by
 * reflection, and sends JSON frames that it reads from its input. {@code scripts/tools} installs
 * it.
 */
final class GrpcurlTest {
  private static final Path GRPCURL = Path.of("..", ".tools", "bin", "grpcurl");

  /** What grpcurl adds to the code of a gRPC status to make its exit code. */
  private static final int STATUS = 64;

  @TempDir private Path directory;

  private record Result(int exitCode, String output) {
    /** The output with every run of white space made one space. */
    String flat() {
      return output.replaceAll("\\s+", " ");
    }
  }

  @BeforeAll
  static void isInstalled() {
    assumeTrue(Files.isExecutable(GRPCURL), "scripts/tools has installed grpcurl");
  }

  @Test
  void runsAWholeSession() throws Exception {
    Result result =
        connect(
            """
            {"open": {"namespace": "PROBE", "name": "session"},
             "invocations": [{"sequence": 1, "method": "Append", "json": {"mark": "one"}},
                             {"sequence": 2, "method": "Append", "json": {"mark": "two"}}]}
            {"invocations": [{"sequence": 3, "method": "Append", "message": "CgV0aHJlZQ=="}]}
            {"invocations": [{"sequence": 4, "method": "seriatim.conformance.v1.Probe/ReadJournal", "json": {}}]}
            """);

    assertWithMessage(result.output()).that(result.exitCode()).isEqualTo(0);
    assertThat(result.flat()).contains("\"name\": \"session\"");
    assertThat(result.flat()).contains("{ \"length\": \"2\", \"mark\": \"two\" }");
    assertThat(result.flat()).contains("\"message\": \"CAMSBXRocmVl\"");
    assertThat(result.flat()).contains("\"marks\": [ \"one\", \"two\", \"three\" ]");
  }

  @Test
  void seesABreakAndTheStatusBehindIt() throws Exception {
    Result result =
        connect(
            """
            {"open": {"namespace": "PROBE", "name": "break"},
             "invocations": [{"sequence": 1, "method": "Append", "json": {"mark": "one"}},
                             {"sequence": 2, "method": "Fail", "json": {"status": {"code": 9, "message": "not today"}}},
                             {"sequence": 3, "method": "Append", "json": {"mark": "never"}}]}
            """);

    assertWithMessage(result.output()).that(result.exitCode()).isEqualTo(STATUS + 9);
    assertThat(result.flat()).contains("\"mark\": \"one\"");
    assertThat(result.flat()).contains("\"broken\": {");
    assertThat(result.flat()).contains("\"reason\": \"OBJECT_EXCEPTION\"");
    assertThat(result.flat()).containsMatch("\"completed_?[tT]hrough\": \"1\"");
    assertThat(result.flat()).containsMatch("\"failed_?[sS]equence\": \"2\"");
    assertThat(result.flat()).contains("Code: FailedPrecondition Message: not today");
    assertThat(result.flat()).doesNotContain("never");
  }

  @Test
  void seesARefusal() throws Exception {
    Result result = connect("{\"open\": {\"namespace\": \"NONE\", \"name\": \"x\"}}");

    assertWithMessage(result.output()).that(result.exitCode()).isEqualTo(STATUS + 5);
    assertThat(result.flat()).contains("\"reason\": \"UNKNOWN_NAMESPACE\"");
    assertThat(result.flat()).contains("Code: NotFound");
  }

  private Result connect(String frames) throws IOException, InterruptedException {
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .service(ProtoReflectionServiceV1.newInstance());
    new ProbeNamespaces().addTo(builder);
    try (DurableObjectHost host = builder.build().start()) {
      Path input = Files.writeString(directory.resolve("frames.json"), frames);
      Path output = directory.resolve("output.txt");
      List<String> command = new ArrayList<>();
      command.add(GRPCURL.toAbsolutePath().toString());
      command.addAll(List.of("-plaintext", "-max-time", "60", "-d", "@"));
      command.add("127.0.0.1:" + host.port());
      command.add("seriatim.v1.DurableObjects/Connect");
      Process process =
          new ProcessBuilder(command)
              .redirectInput(input.toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      assertWithMessage("grpcurl ended").that(process.waitFor(90, TimeUnit.SECONDS)).isTrue();
      return new Result(process.exitValue(), Files.readString(output, UTF_8));
    }
  }
}
