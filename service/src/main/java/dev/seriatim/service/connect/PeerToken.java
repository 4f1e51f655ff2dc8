package dev.seriatim.service.connect;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/** What other hosts show that call this one. Immutable. */
final class PeerToken {
  private final byte[] token;

  PeerToken(String token) {
    this.token = token.getBytes(StandardCharsets.UTF_8);
  }

  /** Whether these headers show it. */
  boolean isShown(Metadata headers) {
    String shown = headers.get(PeerService.TOKEN);
    return shown != null && MessageDigest.isEqual(shown.getBytes(StandardCharsets.UTF_8), token);
  }

  /** Ends a call that doesn't show it. */
  static <Q> ServerCall.Listener<Q> refuse(ServerCall<Q, ?> call) {
    call.close(
        Status.PERMISSION_DENIED.withDescription(
            "only hosts of this cluster may call this, expected the host's token in "
                + PeerService.TOKEN.name()),
        new Metadata());
    return new ServerCall.Listener<>() {};
  }
}
