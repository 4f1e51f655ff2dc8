package dev.seriatim.service.admin;

import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.BackupResponse;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoreCopy;
import io.grpc.Status;
import io.grpc.StatusException;
import java.io.InputStream;
import java.nio.file.Files;
import java.time.Duration;

/** {@code Backup}. Safe for any number of threads. */
final class StoreBackup {
  /** How long the copy is kept for a client that reads nothing. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final int CHUNK = 256 << 10;

  private final StorageEngine storage;

  StoreBackup(AdminHost host) {
    this.storage = host.storage();
  }

  /** Sends the whole copy. May block on the store. */
  void send(Responses<BackupResponse> to) throws Exception {
    try (StoreCopy copy = copy();
        InputStream file = Files.newInputStream(copy.file())) {
      while (true) {
        ByteString chunk = ByteString.copyFrom(file.readNBytes(CHUNK));
        if (chunk.isEmpty()) {
          return;
        }
        to.send(BackupResponse.newBuilder().setChunk(chunk).build(), PATIENCE);
      }
    }
  }

  private StoreCopy copy() throws StatusException {
    try {
      return storage.copy();
    } catch (IllegalStateException e) {
      throw Status.FAILED_PRECONDITION.withDescription(e.getMessage()).withCause(e).asException();
    } catch (StoreCopy.NoRoomException e) {
      throw Status.RESOURCE_EXHAUSTED.withDescription(e.getMessage()).withCause(e).asException();
    }
  }
}
