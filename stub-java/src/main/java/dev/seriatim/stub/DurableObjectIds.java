package dev.seriatim.stub;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.base.Utf8;
import com.google.common.hash.HashCode;
import com.google.common.hash.HashFunction;
import com.google.common.hash.Hashing;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Makes and checks the ids of one namespace. Needs nothing but the namespace's unique key, and no
 * connection: every client and every host derives the same ids.
 *
 * <p>An id is a base of 16 bytes, followed by a check of 16 bytes that only this namespace's key
 * gives. Safe for any number of threads.
 */
public final class DurableObjectIds {
  /** The longest name, in bytes of UTF-8. */
  public static final int MAX_NAME_BYTES = 1024;

  private static final int HALF = 16;
  private static final Pattern HEX_DIGITS = Pattern.compile("[0-9a-f]{64}");
  private static final SecureRandom RANDOM = new SecureRandom();

  private final HashCode key;
  private final HashFunction hmac;
  private final @Nullable String namespace;
  private final @Nullable Object client;

  /**
   * The ids of the namespace that has this unique key.
   *
   * @throws IllegalArgumentException if the key is empty
   */
  public DurableObjectIds(String uniqueKey) {
    this(uniqueKey, null, null);
  }

  /** The same, and known by name. All ids of one client are those of one host. */
  DurableObjectIds(String uniqueKey, @Nullable String namespace, @Nullable Object client) {
    if (uniqueKey.isEmpty()) {
      throw new IllegalArgumentException("unique key is empty, expected at least one character");
    }
    this.key = Hashing.sha256().hashString(uniqueKey, UTF_8);
    this.hmac = Hashing.hmacSha256(key.asBytes());
    this.namespace = namespace;
    this.client = client;
  }

  /** Whether they have the same key, and so the same ids. */
  boolean isSameAs(DurableObjectIds other) {
    return this == other || key.equals(other.key);
  }

  /** Whether they are those of another namespace of this client's host. */
  boolean isNeighbourOf(String otherNamespace, Object otherClient) {
    return otherClient.equals(client) && !otherNamespace.equals(namespace);
  }

  /** Whose ids these are, in words. */
  String owner() {
    return namespace == null ? "another namespace" : "namespace '" + namespace + "'";
  }

  /**
   * The id of the object with this name; the same for ever.
   *
   * @throws InvalidIdException if the name isn't 1 to {@value #MAX_NAME_BYTES} bytes of UTF-8
   */
  public DurableObjectId fromName(String name) {
    checkName(name);
    byte[] base = Arrays.copyOf(hmac.hashString(name, UTF_8).asBytes(), HALF);
    return new DurableObjectId(this, withCheck(base), name);
  }

  /** A new id that no one else has. */
  public DurableObjectId newUniqueId() {
    byte[] base = new byte[HALF];
    RANDOM.nextBytes(base);
    return new DurableObjectId(this, withCheck(base), null);
  }

  /**
   * The id that these digits show.
   *
   * @throws InvalidIdException if it isn't 64 lower-case hex digits, or is the id of another
   *     namespace
   */
  public DurableObjectId fromString(String hex) {
    if (!isHex(hex)) {
      throw new InvalidIdException(
          "id '" + abbreviate(hex) + "', expected 64 lower-case hex digits");
    }
    byte[] bytes = DurableObjectId.HEX.parseHex(hex);
    if (!Arrays.equals(bytes, withCheck(Arrays.copyOf(bytes, HALF)))) {
      throw new InvalidIdException(
          "id '"
              + hex
              + "' is of another namespace"
              + (namespace == null ? "" : ", expected one of " + owner()));
    }
    return new DurableObjectId(this, bytes, null);
  }

  static void checkName(String name) {
    int length;
    try {
      length = Utf8.encodedLength(name);
    } catch (IllegalArgumentException e) {
      throw new InvalidIdException("name is not valid Unicode: " + e.getMessage(), e);
    }
    if (length < 1 || length > MAX_NAME_BYTES) {
      throw new InvalidIdException(
          "name has " + length + " bytes, expected 1 to " + MAX_NAME_BYTES);
    }
  }

  static boolean isHex(String id) {
    return HEX_DIGITS.matcher(id).matches();
  }

  private byte[] withCheck(byte[] base) {
    byte[] bytes = Arrays.copyOf(base, 2 * HALF);
    hmac.hashBytes(base).writeBytesTo(bytes, HALF, HALF);
    return bytes;
  }

  private static String abbreviate(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }
}
