package dev.seriatim.service.caller;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.HashCode;
import com.google.common.hash.Hashing;
import com.google.protobuf.ByteString;
import dev.seriatim.service.Caller;
import org.jspecify.annotations.Nullable;

/**
 * Sets what a caller names apart from what others name so: its sessions, and its idempotency keys.
 * Another caller's are as if they weren't there. What an anonymous caller names stays as it is.
 */
public final class CallerScope {
  private CallerScope() {}

  private static HashCode of(Caller caller) {
    return Hashing.sha256().hashString(caller.kind().name() + "\0" + caller.name(), UTF_8);
  }

  /** Under which id of as many bytes this caller's session is kept, up to 32. */
  public static ByteString session(@Nullable Caller caller, ByteString id) {
    if (caller == null || caller.kind() == Caller.Kind.ANONYMOUS) {
      return id;
    }
    byte[] scoped =
        Hashing.sha256()
            .newHasher()
            .putBytes(of(caller).asBytes())
            .putBytes(id.toByteArray())
            .hash()
            .asBytes();
    return ByteString.copyFrom(scoped, 0, Math.min(scoped.length, id.size()));
  }

  /** Under which text this caller's idempotency key is kept; no key has a zero in it. */
  public static String key(@Nullable Caller caller, String key) {
    return caller == null || caller.kind() == Caller.Kind.ANONYMOUS ? key : of(caller) + "\0" + key;
  }
}
