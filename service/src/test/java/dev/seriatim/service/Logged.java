package dev.seriatim.service;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** What is logged until this is closed, from INFO on if nothing else is asked for. */
public final class Logged extends AppenderBase<ILoggingEvent> implements AutoCloseable {
  private final Logger logger;
  private final @Nullable Level levelBefore;
  private final boolean additiveBefore;
  private final List<ILoggingEvent> events = new CopyOnWriteArrayList<>();

  private Logged(Logger logger, Level level) {
    this.logger = logger;
    this.levelBefore = logger.getLevel();
    this.additiveBefore = logger.isAdditive();
    setContext(logger.getLoggerContext());
    start();
    logger.setLevel(level);
    logger.setAdditive(false);
    logger.addAppender(this);
  }

  /** What goes to the logger of this name, or to one below it. */
  public static Logged at(String name) {
    return at(name, Level.INFO);
  }

  /** The same, at other levels. */
  public static Logged at(String name, Level level) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    return new Logged(context.getLogger(name), level);
  }

  @Override
  protected void append(ILoggingEvent event) {
    event.prepareForDeferredProcessing();
    events.add(event);
  }

  /** What was logged so far. */
  public List<ILoggingEvent> events() {
    return events;
  }

  /** The messages of what was logged so far. */
  public List<String> messages() {
    return events.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  /** Those messages with this in them. */
  public List<String> containing(String text) {
    return messages().stream().filter(message -> message.contains(text)).toList();
  }

  @Override
  public void close() {
    logger.detachAppender(this);
    logger.setAdditive(additiveBefore);
    logger.setLevel(levelBefore);
  }
}
