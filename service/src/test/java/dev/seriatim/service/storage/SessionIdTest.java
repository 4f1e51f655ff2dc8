package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What names a session, or an idempotency key. */
final class SessionIdTest {
  private static final ByteString BYTES = ByteString.copyFromUtf8("0123456789abcde\u007f");

  @Test
  void itIsItsSixteenBytes() {
    assertThat(SessionId.of(BYTES).bytes()).isEqualTo(BYTES);
    for (int size : new int[] {0, 15, 17}) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> SessionId.of(ByteString.copyFrom(new byte[size])));
      assertThat(e).hasMessageThat().contains(size + " bytes, expected 16");
    }
  }

  @Test
  void equalBytesAreEqual() {
    assertThat(SessionId.of(ByteString.copyFrom(BYTES.toByteArray())))
        .isEqualTo(SessionId.of(BYTES));
    assertThat(SessionId.of(BYTES)).isNotEqualTo(SessionId.ofKey("a"));
  }

  @Test
  void aKeyIsADigestThatNobodyTakesForAnother() throws Exception {
    ByteArrayOutputStream digested = new ByteArrayOutputStream();
    digested.writeBytes("seriatim-idempotency-key".getBytes(UTF_8));
    digested.write(0);
    digested.writeBytes("a key".getBytes(UTF_8));
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(digested.toByteArray());
    assertThat(SessionId.ofKey("a key").bytes())
        .isEqualTo(ByteString.copyFrom(Arrays.copyOf(digest, 16)));
  }

  @Test
  void itIsNotShown() {
    assertThat(SessionId.of(BYTES).toString()).doesNotContain("0123");
    SessionRow row =
        new SessionRow(-1, 7, ByteString.copyFromUtf8("which"), ByteString.copyFromUtf8("secret"));
    assertThat(row.toString()).isEqualTo("SessionRow[connection=4294967295, completed=7, 6 bytes]");
  }

  /** Whoever chooses ids of one hash gains nothing: this would take long. */
  @Test
  void manyOfOneHashAreFoundQuickly() {
    Map<SessionId, Integer> all = new HashMap<>();
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[16];
      for (int half = 0; half < 2; half++) {
        bytes[8 * half + 6] = (byte) (i >> 8);
        bytes[8 * half + 7] = (byte) i;
      }
      all.put(SessionId.of(ByteString.copyFrom(bytes)), i);
    }
    assertThat(all).hasSize(20_000);
    assertThat(all.keySet().stream().mapToInt(Object::hashCode).distinct().count()).isEqualTo(1);
  }
}
