package dev.seriatim.server.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/** Records as people read them. Stateless. */
final class TextLines extends EncoderBase<ILoggingEvent> {
  private static final byte[] NOTHING = {};

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

  @Override
  public byte[] encode(ILoggingEvent event) {
    StringBuilder line = new StringBuilder(200);
    line.append(TIME.format(Instant.ofEpochMilli(event.getTimeStamp())));
    line.append(' ').append("%-5s".formatted(event.getLevel())).append(' ');
    LogText.appendLine(line, LogText.of(event.getLoggerName()));
    line.append(": ");
    LogText.appendLine(line, LogText.of(event.getFormattedMessage()));
    if (event.getKeyValuePairs() != null) {
      for (KeyValuePair pair : event.getKeyValuePairs()) {
        append(line, pair.key, pair.value);
      }
    }
    for (Map.Entry<String, String> entry : event.getMDCPropertyMap().entrySet()) {
      append(line, entry.getKey(), entry.getValue());
    }
    if (event.getThrowableProxy() != null) {
      line.append("\n    ");
      LogText.appendLines(
          line, LogText.stackTrace(event.getThrowableProxy()).stripTrailing(), "    ");
    }
    return line.append('\n').toString().getBytes(UTF_8);
  }

  private static void append(StringBuilder line, String key, @Nullable Object value) {
    String text = LogText.of(value);
    line.append(' ');
    LogText.appendLine(line, key);
    line.append('=');
    if (!text.isEmpty() && text.chars().allMatch(TextLines::needsNoQuotes)) {
      line.append(text);
    } else {
      line.append('"');
      LogText.appendLine(line, text.replace("\\", "\\\\").replace("\"", "\\\""));
      line.append('"');
    }
  }

  private static boolean needsNoQuotes(int c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
  }

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }
}
