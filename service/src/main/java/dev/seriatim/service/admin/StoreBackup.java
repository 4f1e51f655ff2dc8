package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.BackupResponse;
import io.grpc.Status;

/** {@code Backup}. Safe for any number of threads. */
@SuppressWarnings("DoNotCallSuggester")
final class StoreBackup {
  StoreBackup(AdminHost host) {}

  /** Sends the whole copy. May block on the store. */
  void send(Responses<BackupResponse> to) throws Exception {
    throw Status.UNIMPLEMENTED.asException();
  }
}
