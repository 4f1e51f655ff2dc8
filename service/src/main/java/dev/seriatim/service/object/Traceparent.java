package dev.seriatim.service.object;

import io.grpc.Metadata;

/** Reads as much of the W3C's Trace Context as says whether somebody follows an invocation. */
final class Traceparent {
  private static final Metadata.Key<String> KEY =
      Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);

  /** {@code 00-} 32 digits {@code -} 16 digits {@code -} 2 digits. */
  private static final int LENGTH = 55;

  private static final int TRACE = 3;
  private static final int SPAN = 36;
  private static final int FLAGS = 53;

  private Traceparent() {}

  /** Whether the caller of the invocation with this metadata follows it. */
  static boolean isSampled(Metadata metadata) {
    String value = metadata.get(KEY);
    return value != null && isSampled(value);
  }

  static boolean isSampled(String value) {
    int version = number(value, 0);
    if (value.length() < LENGTH || version < 0 || version == 0xff) {
      return false;
    }
    // A later version may have more behind that.
    if (value.length() > LENGTH && (version == 0 || value.charAt(LENGTH) != '-')) {
      return false;
    }
    int flags = number(value, FLAGS);
    return value.charAt(TRACE - 1) == '-'
        && value.charAt(SPAN - 1) == '-'
        && value.charAt(FLAGS - 1) == '-'
        && isId(value, TRACE, SPAN - 1)
        && isId(value, SPAN, FLAGS - 1)
        && flags >= 0
        && (flags & 1) != 0;
  }

  /** Digits, of which one at least isn't 0. */
  private static boolean isId(String value, int from, int to) {
    boolean any = false;
    for (int i = from; i < to; i++) {
      int digit = digit(value.charAt(i));
      if (digit < 0) {
        return false;
      }
      any |= digit > 0;
    }
    return any;
  }

  /** Two digits as a number; negative if there are none. */
  private static int number(String value, int at) {
    return value.length() < at + 2
        ? -1
        : digit(value.charAt(at)) << 4 | digit(value.charAt(at + 1));
  }

  /** Only lower-case ones are allowed. */
  private static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }
}
