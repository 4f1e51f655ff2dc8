package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.AppenderBase;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.seriatim.service.HostLimits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.spi.LoggingEventBuilder;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

final class LogFormatTest {
  private static final String WILD = "a\nb\r\"c\" \u001b[31m\u202e=\\\ud800é😀";

  private final LoggerContext context = new LoggerContext();

  @BeforeEach
  void start() {
    context.setMDCAdapter(new LogbackMDCAdapter());
  }

  @AfterEach
  void stop() {
    context.stop();
  }

  private String line(LogFormat format, Consumer<LoggingEventBuilder> record) {
    List<ILoggingEvent> events = new ArrayList<>();
    AppenderBase<ILoggingEvent> appender =
        new AppenderBase<>() {
          @Override
          protected void append(ILoggingEvent event) {
            events.add(event);
          }
        };
    appender.setContext(context);
    appender.start();
    Logger logger = context.getLogger("the.logger");
    logger.addAppender(appender);
    record.accept(logger.atWarn());
    logger.detachAppender(appender);
    assertThat(events).hasSize(1);
    return new String(format.encoder().encode(events.getFirst()), UTF_8);
  }

  private JsonObject json(Consumer<LoggingEventBuilder> record) {
    String line = line(LogFormat.JSON, record);
    assertThat(line).endsWith("\n");
    assertThat(line.indexOf('\n')).isEqualTo(line.length() - 1);
    JsonElement parsed = JsonParser.parseString(line);
    return parsed.getAsJsonObject();
  }

  @Test
  void jsonHasAKeyForEachThing() {
    JsonObject line =
        json(
            event ->
                event
                    .addKeyValue("namespace", "COUNTER")
                    .addKeyValue("object", WILD)
                    .addKeyValue("sequence", 7)
                    .addKeyValue("nothing", (Object) null)
                    .log("invocation {} failed", 7));
    assertThat(line.get("level").getAsString()).isEqualTo("WARN");
    assertThat(line.get("logger").getAsString()).isEqualTo("the.logger");
    assertThat(line.get("message").getAsString()).isEqualTo("invocation 7 failed");
    assertThat(line.get("namespace").getAsString()).isEqualTo("COUNTER");
    assertThat(line.get("object").getAsString()).isEqualTo(WILD.replace('\ud800', '?'));
    assertThat(line.get("sequence").getAsInt()).isEqualTo(7);
    assertThat(line.get("nothing").getAsString()).isEqualTo("null");
    assertThat(line.has("stack_trace")).isFalse();
  }

  @Test
  void jsonHasAnExceptionInOneLine() {
    JsonObject line = json(event -> event.setCause(new IllegalStateException(WILD)).log("threw"));
    assertThat(line.get("error").getAsString()).isEqualTo("java.lang.IllegalStateException");
    assertThat(line.get("stack_trace").getAsString()).contains("at " + getClass().getName());
  }

  @Test
  void jsonHasNoKeyTwice() {
    JsonObject line =
        json(event -> event.addKeyValue("message", "mine").addKeyValue("message", "too").log("m"));
    assertThat(line.get("message").getAsString()).isEqualTo("m");
    assertThat(line.get("message_").getAsString()).isEqualTo("mine");
    assertThat(line.get("message__").getAsString()).isEqualTo("too");
  }

  @Test
  void aValueThatCanNotBeShownIsNamed() {
    Object hostile =
        new Object() {
          @Override
          public String toString() {
            throw new IllegalStateException("not me");
          }
        };
    assertThat(json(event -> event.addKeyValue("it", hostile).log("m")).get("it").getAsString())
        .isEqualTo(hostile.getClass().getName());
    assertThat(line(LogFormat.TEXT, event -> event.addKeyValue("it", hostile).log("m")))
        .contains(hostile.getClass().getSimpleName());
  }

  @Test
  void textIsOneLineWhateverIsInIt() {
    String line =
        line(
            LogFormat.TEXT,
            event ->
                event.addKeyValue("namespace", "COUNTER").addKeyValue("object", WILD).log(WILD));
    assertThat(line)
        .matches(
            "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z WARN  the\\.logger: (?s:.*)\n");
    String plain = "a\\nb\\u{d}\"c\" \\u{1b}[31m\\u{202e}=\\\\u{d800}é😀";
    assertThat(line)
        .endsWith(
            "the.logger: "
                + plain
                + " namespace=COUNTER object=\""
                + "a\\nb\\u{d}\\\"c\\\" \\u{1b}[31m\\u{202e}=\\\\\\u{d800}é😀"
                + "\"\n");
  }

  @Test
  void textHasAStackTraceInLinesThatCanNotBeTakenForRecords() {
    String line =
        line(
            LogFormat.TEXT,
            event -> event.setCause(new IllegalStateException("x\n2026 ERROR y")).log("threw"));
    List<String> lines = line.lines().toList();
    assertThat(lines.getFirst()).endsWith("the.logger: threw");
    lines.stream().skip(1).forEach(more -> assertThat(more).startsWith("    "));
    assertThat(line).contains("    2026 ERROR y");
  }

  @Test
  void whatIsVeryLongIsCutOff() {
    String lengthy = "x".repeat(100_000);
    for (LogFormat format : LogFormat.values()) {
      String line =
          line(
              format,
              event ->
                  event
                      .setCause(new IllegalStateException(lengthy))
                      .addKeyValue("object", lengthy)
                      .log(lengthy));
      assertThat(line.length()).isLessThan(30_000);
      assertThat(line).contains("more characters)");
    }
  }

  @Test
  void theStartTellsTheLimitsThatAreNotTheDefault() {
    HostLimits limits =
        HostLimits.builder()
            .turnLimit(Duration.ofSeconds(7))
            .stubQueue(new HostLimits.QueueSize(11, 1 << 20))
            .build();
    assertThat(StartRecord.unusual(limits)).containsEntry("turnLimit", limits.turnLimit());
    assertThat(StartRecord.unusual(limits)).containsEntry("stubQueue.invocations", 11L);
    assertThat(StartRecord.unusual(HostLimits.defaults())).isEmpty();
  }

  @Test
  void aStoreIsToldWithoutItsPassword() {
    StorePlace place = new StorePlace();
    new CommandLine(CommandSpec.forAnnotatedObject(place))
        .parseArgs("--store", "jdbc:postgresql://u:secret@db:5432/d?user=u&password=secret");
    assertThat(place.where()).isEqualTo("jdbc:postgresql://db:5432/d");
    assertThat(place.toString()).doesNotContain("secret");
  }
}
