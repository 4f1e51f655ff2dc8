package dev.seriatim.service.server;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class LogLimitTest {
  private static final int PER_MINUTE = 3;

  private final List<String> logged = new ArrayList<>();
  private final Logger logger = Logger.getAnonymousLogger();
  private long nanos;

  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          if (isLoggable(record)) {
            logged.add(record.getMessage());
          }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  private final LogLimit limit = new LogLimit(handler, PER_MINUTE, () -> nanos);

  @BeforeEach
  void limit() {
    handler.setFilter(limit);
    logger.setLevel(Level.ALL);
    logger.setUseParentHandlers(false);
    logger.addHandler(handler);
  }

  private void one(int count) {
    for (int i = 0; i < count; i++) {
      logger.warning("one " + i);
    }
  }

  private void another() {
    logger.warning("another");
  }

  private void minutePasses() {
    nanos += TimeUnit.MINUTES.toNanos(1);
  }

  @Test
  void letsSoManyOfOneKindThroughInAMinute() {
    one(10);
    another();
    assertThat(logged).containsExactly("one 0", "one 1", "one 2", "another").inOrder();
  }

  @Test
  void saysHowManyWereLeftOut() {
    one(10);
    limit.endWindows();
    assertThat(logged).hasSize(3);
    minutePasses();
    limit.endWindows();
    assertThat(logged).hasSize(4);
    assertThat(logged.getLast())
        .isEqualTo(
            "7 more of these were left out within a minute: WARNING in "
                + LogLimitTest.class.getName()
                + ".one");
    minutePasses();
    limit.endWindows();
    assertThat(logged).hasSize(4);
  }

  @Test
  void saysItBeforeTheNextOneIfThatComesSooner() {
    one(4);
    minutePasses();
    one(1);
    assertThat(logged.get(3)).startsWith("1 more of these");
    assertThat(logged.get(4)).isEqualTo("one 0");
  }

  @Test
  void exceptionsOfAnotherKindAreAnotherKind() {
    for (int i = 0; i < 10; i++) {
      logger.log(Level.WARNING, "thrown", new IllegalStateException());
      logger.log(Level.WARNING, "thrown", new IllegalArgumentException());
      logger.log(Level.INFO, "thrown", new IllegalArgumentException());
    }
    assertThat(logged).hasSize(3 * PER_MINUTE);
  }

  @Test
  void aFilterThatWasThereStays() {
    handler.setFilter(record -> !record.getMessage().equals("one 0"));
    handler.setFilter(new LogLimit(handler, PER_MINUTE, () -> nanos));
    one(2);
    assertThat(logged).containsExactly("one 1");
  }

  @Test
  void whatIsVeryLongIsCutOff() {
    LogLimit.CutOff formatter = new LogLimit.CutOff(new SimpleFormatter());
    String text = formatter.format(new LogRecord(Level.WARNING, "x".repeat(100_000)));
    assertThat(text.length()).isLessThan(9_000);
    assertThat(text).contains("more characters)");
    assertThat(formatter.format(new LogRecord(Level.WARNING, "short"))).contains("short");
  }
}
