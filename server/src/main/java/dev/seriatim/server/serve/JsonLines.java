package dev.seriatim.server.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.encoder.EncoderBase;
import com.google.gson.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * Records as programs read them: one JSON object a line, its keys those of the record beside {@code
 * time}, {@code level}, {@code logger}, {@code thread}, {@code message} and, of an exception,
 * {@code error} and {@code stack_trace}. Stateless.
 */
final class JsonLines extends EncoderBase<ILoggingEvent> {
  private static final byte[] NOTHING = {};

  @Override
  public byte[] encode(ILoggingEvent event) {
    JsonObject line = new JsonObject();
    line.addProperty("time", Instant.ofEpochMilli(event.getTimeStamp()).toString());
    line.addProperty("level", event.getLevel().toString());
    line.addProperty("logger", LogText.of(event.getLoggerName()));
    line.addProperty("thread", LogText.of(event.getThreadName()));
    line.addProperty("message", LogText.of(event.getFormattedMessage()));
    IThrowableProxy thrown = event.getThrowableProxy();
    if (thrown != null) {
      line.addProperty("error", thrown.getClassName());
      line.addProperty("stack_trace", LogText.stackTrace(thrown));
    }
    if (event.getKeyValuePairs() != null) {
      for (KeyValuePair pair : event.getKeyValuePairs()) {
        add(line, pair.key, pair.value);
      }
    }
    event.getMDCPropertyMap().forEach((key, value) -> add(line, key, value));
    return (line + "\n").getBytes(UTF_8);
  }

  private static void add(JsonObject line, String wanted, @Nullable Object value) {
    String key = wanted;
    while (line.has(key)) { // No key may be there twice.
      key += "_";
    }
    switch (value) {
      case Number number -> line.addProperty(key, number);
      case Boolean truth -> line.addProperty(key, truth);
      case null, default -> line.addProperty(key, LogText.of(value));
    }
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
