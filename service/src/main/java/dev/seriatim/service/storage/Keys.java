package dev.seriatim.service.storage;

import com.google.common.base.Utf8;
import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** The rules for keys and values: their limits, and the order of keys. */
final class Keys {
  /** By the bytes in UTF-8, which is by code point, and not by {@code char}. */
  static final Comparator<String> ORDER = Keys::compare;

  private Keys() {}

  static int compare(String a, String b) {
    int length = Math.min(a.length(), b.length());
    for (int i = 0; i < length; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        // Surrogates stand for code points above all that a lone char can show.
        boolean xHigh = Character.isSurrogate(x);
        boolean yHigh = Character.isSurrogate(y);
        return xHigh == yHigh ? Character.compare(x, y) : xHigh ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  static void checkKey(String key) {
    int length = utf8Length(key, "key");
    if (length > DurableObjectStorage.MAX_KEY_BYTES) {
      throw new IllegalArgumentException(
          "key '"
              + key.substring(0, Math.min(32, key.length()))
              + "…' has "
              + length
              + " bytes, expected at most "
              + DurableObjectStorage.MAX_KEY_BYTES);
    }
  }

  /** A bound of a list may be longer than a key. */
  static void checkBound(String what, @Nullable String bound) {
    if (bound != null) {
      utf8Length(bound, what);
    }
  }

  static void checkValue(String key, ByteString value) {
    if (value.size() > DurableObjectStorage.MAX_VALUE_BYTES) {
      throw new IllegalArgumentException(
          "value of key '"
              + key
              + "' has "
              + value.size()
              + " bytes, expected at most "
              + DurableObjectStorage.MAX_VALUE_BYTES);
    }
  }

  /**
   * The least string that is greater than every string with this prefix, or null if there is none.
   */
  static @Nullable String endOfPrefix(String prefix) {
    int end = prefix.length();
    while (end > 0) {
      int last = prefix.codePointBefore(end);
      end -= Character.charCount(last);
      if (last < Character.MAX_CODE_POINT) {
        int next = last + 1 == Character.MIN_SURROGATE ? Character.MAX_SURROGATE + 1 : last + 1;
        return prefix.substring(0, end) + Character.toString(next);
      }
    }
    return null;
  }

  private static int utf8Length(String string, String what) {
    try {
      return Utf8.encodedLength(string);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(what + " is not valid Unicode: " + e.getMessage(), e);
    }
  }
}
