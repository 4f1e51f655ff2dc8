package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.GetHostRequest;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve --no-admin}: a server that nobody looks into. */
final class NoAdminTest {
  @TempDir Path directory;

  @Test
  void theAdminServiceIsThereUnlessItIsLeftOut() throws Exception {
    try (OpenServer server = OpenServer.open(directory, TlsTest.Echoes.class)) {
      assertThat(code(server, admin -> admin.getHost(GetHostRequest.getDefaultInstance())))
          .isEqualTo(Status.Code.OK);
    }
    try (OpenServer server = OpenServer.open(directory, TlsTest.Echoes.class, "--no-admin")) {
      assertThat(code(server, admin -> admin.getHost(GetHostRequest.getDefaultInstance())))
          .isEqualTo(Status.Code.UNIMPLEMENTED);
      assertThat(code(server, admin -> admin.drain(DrainRequest.getDefaultInstance())))
          .isEqualTo(Status.Code.UNIMPLEMENTED);
    }
  }

  private interface Call {
    Object by(AdminGrpc.AdminBlockingStub admin);
  }

  private static Status.Code code(OpenServer server, Call call) {
    ManagedChannel channel =
        Grpc.newChannelBuilder("127.0.0.1:" + server.port(), InsecureChannelCredentials.create())
            .build();
    try {
      Object _ =
          call.by(AdminGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS));
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    } finally {
      channel.shutdownNow();
    }
  }
}
