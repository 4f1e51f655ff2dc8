package dev.seriatim.server.serve;

import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import org.jspecify.annotations.Nullable;

/** What is logged, as text that is short enough and can't be taken for something else. */
final class LogText {
  /** A text is cut off there: a message, a stack trace, a client's name of something. */
  private static final int MOST_CHARACTERS = 8 << 10;

  private LogText() {}

  /** The value in words, cut off where it gets too long. */
  static String of(@Nullable Object value) {
    try {
      return cutOff(String.valueOf(value));
    } catch (RuntimeException | Error e) { // It is of anybody's making.
      return String.valueOf(value == null ? null : value.getClass().getName());
    }
  }

  static String stackTrace(IThrowableProxy thrown) {
    return cutOff(ThrowableProxyUtil.asString(thrown));
  }

  private static String cutOff(String text) {
    return text.length() <= MOST_CHARACTERS
        ? text
        : "%s... (%,d more characters)"
            .formatted(text.substring(0, MOST_CHARACTERS), text.length() - MOST_CHARACTERS);
  }

  /** Appends the text in one line: nobody's text can look like a record of its own. */
  static void appendLine(StringBuilder to, String text) {
    append(to, text, "\\n", "\\t");
  }

  /** Appends the text, whose lines but the first begin with what is given. */
  static void appendLines(StringBuilder to, String text, String indent) {
    append(to, text, "\n" + indent, "\t");
  }

  private static void append(StringBuilder to, String text, String newline, String tab) {
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '\n' -> to.append(newline);
                case '\t' -> to.append(tab);
                default -> {
                  if (isPlain(c)) {
                    to.appendCodePoint(c);
                  } else {
                    to.append("\\u{%x}".formatted(c));
                  }
                }
              }
            });
  }

  /** Whether a character shows itself, and nothing else; a terminal obeys some others. */
  private static boolean isPlain(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
