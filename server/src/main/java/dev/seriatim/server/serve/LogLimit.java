package dev.seriatim.server.serve;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import dev.seriatim.service.threads.Enduring;
import java.lang.StackWalker.StackFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Stands before an appender, and bounds what a client can make the server log: so many records of
 * one kind a minute. What is left out is counted, and the count is logged. Two records are of one
 * kind if the same method logs them to the same logger, with the same level and the same kind of
 * exception.
 *
 * <p>Safe for any number of threads.
 */
final class LogLimit extends UnsynchronizedAppenderBase<ILoggingEvent> {
  private static final Duration WINDOW = Duration.ofMinutes(1);

  /** Kinds beyond this many share one. */
  private static final int MOST_KINDS = 1_000;

  private static final StackWalker CALLERS = StackWalker.getInstance();

  private final LoggerContext loggers;
  private final Appender<ILoggingEvent> appender;
  private final int perMinute;
  private final LongSupplier nanos;
  private final LogFlood flood;

  /** By what records of a kind have in common. Guarded by this. */
  private final Map<String, Kind> kinds = new HashMap<>();

  private static final class Kind {
    private final String logger;
    private final String what;
    private long sinceNanos;
    private int logged;
    private long leftOut;

    Kind(String logger, String what, long sinceNanos) {
      this.logger = logger;
      this.what = what;
      this.sinceNanos = sinceNanos;
    }
  }

  /**
   * A limit before this appender.
   *
   * @param flood told of what is left out
   */
  LogLimit(
      LoggerContext context,
      Appender<ILoggingEvent> appender,
      int perMinute,
      LongSupplier nanos,
      LogFlood flood) {
    loggers = context;
    this.appender = appender;
    this.perMinute = perMinute;
    this.nanos = nanos;
    this.flood = flood;
    setContext(context);
    setName("limited " + appender.getName());
  }

  /** Starts a thread that says in time what was left out. */
  @Override
  public void start() {
    super.start();
    Enduring.virtualThread("seriatim-log", this::summarize).start();
  }

  @Override
  public void stop() {
    super.stop();
    appender.stop();
  }

  private void summarize() {
    try {
      while (isStarted()) {
        Thread.sleep(WINDOW);
        endWindows();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  protected void append(ILoggingEvent event) {
    String what = what(event);
    LoggingEvent summary;
    boolean let;
    synchronized (this) {
      long now = nanos.getAsLong();
      Kind kind = kind(what, event, now);
      summary = endWindow(kind, now);
      let = kind.logged < perMinute;
      if (let) {
        kind.logged++;
      } else {
        kind.leftOut++;
      }
    }
    if (summary != null) {
      appender.doAppend(summary);
    }
    if (let) {
      appender.doAppend(event);
    } else {
      flood.leftOut(loggers.getLogger(event.getLoggerName()), event);
    }
  }

  private Kind kind(String what, ILoggingEvent event, long now) {
    String logger = String.valueOf(event.getLoggerName());
    String key = logger + " " + what;
    if (!kinds.containsKey(key) && kinds.size() >= MOST_KINDS) {
      key = "";
    }
    return kinds.computeIfAbsent(key, _ -> new Kind(logger, what, now));
  }

  private static String what(ILoggingEvent event) {
    IThrowableProxy thrown = event.getThrowableProxy();
    return "%s in %s%s"
        .formatted(
            event.getLevel(), caller(), thrown == null ? "" : " with " + thrown.getClassName());
  }

  /** The method that logs: this is called on its thread. */
  private static String caller() {
    return CALLERS.walk(
        frames ->
            frames
                .filter(frame -> !isLogging(frame))
                .findFirst()
                .map(frame -> frame.getClassName() + "." + frame.getMethodName())
                .orElse("?"));
  }

  private static boolean isLogging(StackFrame frame) {
    String name = frame.getClassName();
    return name.equals(LogLimit.class.getName())
        || name.startsWith("ch.qos.logback.")
        || name.startsWith("org.slf4j.")
        || name.startsWith("java.util.logging.")
        || name.startsWith("java.lang.System$Logger")
        || name.startsWith("sun.util.logging.")
        || name.startsWith("jdk.internal.logger.");
  }

  /** Ends the windows that are over, and logs what was left out in them. */
  void endWindows() {
    List<LoggingEvent> summaries = new ArrayList<>();
    synchronized (this) {
      long now = nanos.getAsLong();
      for (Kind kind : kinds.values()) {
        LoggingEvent summary = endWindow(kind, now);
        if (summary != null) {
          summaries.add(summary);
        }
      }
    }
    summaries.forEach(appender::doAppend);
    flood.endMinutes();
  }

  /** What is to be logged of a window that is over, if anything was left out in it. */
  private @Nullable LoggingEvent endWindow(Kind kind, long now) {
    if (now - kind.sinceNanos < WINDOW.toNanos()) {
      return null;
    }
    long leftOut = kind.leftOut;
    kind.sinceNanos = now;
    kind.logged = 0;
    kind.leftOut = 0;
    return leftOut == 0
        ? null
        : new LoggingEvent(
            LogLimit.class.getName(),
            loggers.getLogger(kind.logger),
            Level.WARN,
            "{} more of these were left out within a minute: {}",
            null,
            new Object[] {leftOut, kind.what});
  }
}
