package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class LogLimitTest {
  private static final int PER_MINUTE = 3;

  private final LoggerContext context = new LoggerContext();
  private final Logger logger = context.getLogger("the.logger");
  private final List<String> logged = new ArrayList<>();
  private long nanos;

  private final AppenderBase<ILoggingEvent> appender =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          logged.add(event.getFormattedMessage());
        }
      };

  private final LogFlood flood = new LogFlood(() -> nanos);
  private final LogLimit limit = new LogLimit(context, appender, PER_MINUTE, () -> nanos, flood);

  @BeforeEach
  void limit() {
    appender.setContext(context);
    appender.start();
    limit.start();
    context.addTurboFilter(flood);
    logger.setLevel(Level.TRACE);
    logger.addAppender(limit);
  }

  @AfterEach
  void stop() {
    context.stop();
  }

  private void one(int count) {
    for (int i = 0; i < count; i++) {
      logger.warn("one " + i);
    }
  }

  private void another() {
    logger.warn("another");
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
            "7 more of these were left out within a minute: WARN in "
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
      logger.warn("thrown", new IllegalStateException());
      logger.warn("thrown", new IllegalArgumentException());
      logger.info("thrown", new IllegalArgumentException());
    }
    assertThat(logged).hasSize(3 * PER_MINUTE);
  }

  /** Of what kind it is isn't looked at any more: so one of another kind is left out as well. */
  @Test
  void afterAThousandThatWereLeftOutNoneIsLookedAt() {
    one(PER_MINUTE + LogFlood.MOST - 1);
    another();
    assertThat(logged).containsExactly("one 0", "one 1", "one 2", "another").inOrder();
    one(1);
    another();
    one(5);
    assertThat(logged).hasSize(PER_MINUTE + 1);
    logger.error("another level");
    context.getLogger("another.logger").addAppender(limit);
    context.getLogger("another.logger").warn("another logger");
    assertThat(logged.subList(PER_MINUTE + 1, logged.size()))
        .containsExactly("another level", "another logger")
        .inOrder();
  }

  @Test
  void saysHowManyOfALoggerWereLeftOut() {
    one(PER_MINUTE + LogFlood.MOST + 5);
    minutePasses();
    another();
    assertThat(logged.subList(PER_MINUTE, logged.size()))
        .containsExactly("5 more records of level WARN were left out within a minute", "another")
        .inOrder();
    limit.endWindows();
    assertThat(logged.getLast()).startsWith("1000 more of these were left out within a minute");
    one(1);
    assertThat(logged.getLast()).isEqualTo("one 0");
  }
}
