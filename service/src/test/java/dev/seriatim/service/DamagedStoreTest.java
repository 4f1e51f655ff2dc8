package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.google.protobuf.ByteString;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is damaged in the store stays damaged: nobody is told to try again. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DamagedStoreTest {
  @TempDir Path directory;

  @Test
  void anObjectWhoseStorageIsDamagedIsNotToBeTriedAgain() throws Exception {
    play("write", /* breaks= */ false);
    damage();
    for (String call : new String[] {"read", "write"}) {
      Broken broken = play(call, /* breaks= */ true);
      assertThat(broken.getCause().getMessage()).contains("malformed");
      assertThat(broken.getRetryable()).isFalse();
    }
  }

  private Broken play(String call, boolean breaks) throws Exception {
    String name = InProcessServerBuilder.generateName();
    try (DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(this::act))
            .storage(StorageOptions.sqlite(directory))
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start()) {
      assertThat(host.isServing()).isTrue();
      ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
      try {
        TestStub stub = new TestStub(channel, TestHost.byName("damaged"), Integer.MAX_VALUE);
        stub.call(call);
        if (breaks) {
          return stub.broken("OBJECT_RESET");
        }
        assertThat(stub.answer()).isEqualTo("done");
        return Broken.getDefaultInstance();
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private void act(Probe probe, Words request, StreamObserver<Words> reply) {
    DurableObjectStorage storage = probe.state().storage();
    if (request.getText().equals("write")) {
      for (int i = 0; i < 400; i++) {
        storage.put("damaged " + i, ByteString.copyFrom(new byte[100]));
      }
    } else {
      storage.list();
    }
    Probe.reply(reply, "done");
  }

  /** Spoils the leaves of the tables that hold the object's entries. */
  private void damage() throws IOException {
    Path file = directory.resolve("seriatim.db");
    byte[] bytes = Files.readAllBytes(file);
    int pageSize = (bytes[16] & 0xff) << 8 | (bytes[17] & 0xff);
    for (int page = pageSize; page + pageSize <= bytes.length; page += pageSize) {
      if (bytes[page] == 0x0a
          && new String(bytes, page, pageSize, ISO_8859_1).contains("damaged ")) {
        Arrays.fill(bytes, page, page + 8, (byte) 0xff);
      }
    }
    Files.write(file, bytes);
  }
}
