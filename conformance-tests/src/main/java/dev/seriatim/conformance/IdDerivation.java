package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The derivation of ids (rule 19), written down a second time, so that it can judge the first. */
final class IdDerivation {
  private static final int HALF = 16;

  private IdDerivation() {}

  /** The id of the object with this name, as hex digits. */
  static String fromName(String uniqueKey, String name) {
    try {
      Mac hmac = Mac.getInstance("HmacSHA256");
      byte[] key = MessageDigest.getInstance("SHA-256").digest(uniqueKey.getBytes(UTF_8));
      hmac.init(new SecretKeySpec(key, hmac.getAlgorithm()));
      byte[] base = Arrays.copyOf(hmac.doFinal(name.getBytes(UTF_8)), HALF);
      byte[] check = Arrays.copyOf(hmac.doFinal(base), HALF);
      return HexFormat.of().formatHex(base) + HexFormat.of().formatHex(check);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
