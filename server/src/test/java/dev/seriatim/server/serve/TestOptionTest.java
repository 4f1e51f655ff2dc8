package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.admin.v1.GetClockRequest;
import dev.seriatim.admin.v1.ResetRequest;
import dev.seriatim.admin.v1.TestingGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve --test}: a server that is there for tests. */
final class TestOptionTest {
  @TempDir Path directory;

  @Test
  void theServerIsInTheHandsOfATest() throws Exception {
    try (OpenServer server = OpenServer.openForTests(directory, TlsTest.Echoes.class)) {
      ManagedChannel channel =
          Grpc.newChannelBuilder("127.0.0.1:" + server.port(), InsecureChannelCredentials.create())
              .build();
      try {
        TestingGrpc.TestingBlockingStub testing = TestingGrpc.newBlockingStub(channel);
        var _ = testing.reset(ResetRequest.getDefaultInstance());
        GetClockRequest now = GetClockRequest.getDefaultInstance();
        assertThat(testing.getClock(now)).isEqualTo(testing.getClock(now));
      } finally {
        channel.shutdownNow();
      }
    }
  }

  @Test
  void itIsThereOnLoopbackOnlyAndKeepsNothing() {
    assertThat(OpenServer.refusal(Map.of(), "--test", "--listen", "0.0.0.0:0"))
        .contains("expected a loopback address such as 127.0.0.1");
    assertThat(OpenServer.refusal(Map.of(), "--test", "--data", "memory"))
        .contains("mutually exclusive");
  }
}
