package dev.seriatim.service.object;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Value;
import dev.seriatim.service.caller.CallerScope;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.storage.SessionId;
import dev.seriatim.wire.Invocation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an invocation has that is to be executed once, whatever stub it comes on.
 *
 * @param id names the key in the store
 * @param fingerprint 16 bytes that tell its method and argument from others
 */
record IdempotencyKey(SessionId id, ByteString fingerprint) {
  /** The key of an invocation's metadata. */
  static final String METADATA_KEY = "seriatim-idempotency-key";

  private static final int MAX_BYTES = 255;
  private static final int FINGERPRINT_BYTES = 16;

  /**
   * The key of this invocation, or null if it has none.
   *
   * @param metadata the invocation's, as it came
   * @param caller whose key it is: another one's is another key. Null if nobody known has it
   * @throws IllegalArgumentException if it isn't one; the message says why
   */
  static @Nullable IdempotencyKey of(
      Invocation invocation,
      Map<String, String> metadata,
      ObjectMethod method,
      @Nullable StubCaller caller) {
    String key = metadata.get(METADATA_KEY);
    if (key == null) {
      return null;
    }
    if (key.isEmpty() || key.length() > MAX_BYTES || !InvocationMetadata.isPrintableAscii(key)) {
      throw new IllegalArgumentException(
          "%s of %d characters, expected 1 to %d of printable ASCII"
              .formatted(METADATA_KEY, key.length(), MAX_BYTES));
    }
    String kept = CallerScope.key(caller == null ? null : caller.caller(), key);
    return new IdempotencyKey(SessionId.ofKey(kept), fingerprint(invocation, method));
  }

  private static ByteString fingerprint(Invocation invocation, ObjectMethod method) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has it", e);
    }
    digest.update(method.fullName().getBytes(UTF_8));
    digest.update((byte) 0);
    try {
      digest.update(
          invocation.isJson()
              ? deterministic(invocation.json())
              : invocation.argument().toByteArray());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("the argument can't be read: " + e.getMessage(), e);
    }
    return ByteString.copyFrom(digest.digest(), 0, FINGERPRINT_BYTES);
  }

  /** The order of an object's fields doesn't matter. */
  private static byte[] deterministic(Value json) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      json.writeTo(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Into memory.
    }
    return bytes.toByteArray();
  }
}
