package dev.seriatim.service.server;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.logging.Filter;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import org.jspecify.annotations.Nullable;

/**
 * Bounds what a client can make the server log: so many records of one kind a minute, each of so
 * many characters. What is left out is counted, and the count is logged. Two records are of one
 * kind if the same method logs them, with the same level and the same kind of exception.
 *
 * <p>Safe for any number of threads.
 */
final class LogLimit implements Filter {
  private static final Duration WINDOW = Duration.ofMinutes(1);

  /** Kinds beyond this many share one. */
  private static final int MOST_KINDS = 1_000;

  /** A record is cut off there: a stack trace, or a client's text. */
  private static final int MOST_CHARACTERS = 8 << 10;

  private final Handler handler;
  private final @Nullable Filter next;
  private final int perMinute;
  private final LongSupplier nanos;

  /** By what records of a kind have in common. Guarded by this. */
  private final Map<String, Kind> kinds = new HashMap<>();

  private static final class Kind {
    private final String logger;
    private long sinceNanos;
    private int logged;
    private long leftOut;

    Kind(String logger, long sinceNanos) {
      this.logger = logger;
      this.sinceNanos = sinceNanos;
    }
  }

  /** What is logged about what was left out. */
  private static final class Summary extends LogRecord {
    private static final long serialVersionUID = 1;

    Summary(Kind kind, String what, long leftOut) {
      super(
          java.util.logging.Level.WARNING,
          "%,d more of these were left out within a minute: %s".formatted(leftOut, what));
      setLoggerName(kind.logger);
    }
  }

  LogLimit(Handler handler, int perMinute, LongSupplier nanos) {
    this.handler = handler;
    this.next = handler.getFilter();
    this.perMinute = perMinute;
    this.nanos = nanos;
  }

  /** Puts a limit on all that the JVM logs to its handlers. */
  static void install(int perMinute) {
    for (Handler handler : LogManager.getLogManager().getLogger("").getHandlers()) {
      LogLimit limit = new LogLimit(handler, perMinute, System::nanoTime);
      handler.setFilter(limit);
      handler.setFormatter(new CutOff(handler.getFormatter()));
      Thread.ofVirtual().name("seriatim-log").start(limit::summarize);
    }
  }

  private void summarize() {
    try {
      while (true) {
        Thread.sleep(WINDOW);
        endWindows();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public boolean isLoggable(LogRecord record) {
    if (next != null && !next.isLoggable(record)) {
      return false;
    }
    if (record instanceof Summary) {
      return true;
    }
    String what = what(record);
    Summary summary;
    boolean let;
    synchronized (this) {
      long now = nanos.getAsLong();
      Kind kind = kind(what, record, now);
      summary = endWindow(what, kind, now);
      let = kind.logged < perMinute;
      if (let) {
        kind.logged++;
      } else {
        kind.leftOut++;
      }
    }
    if (summary != null) {
      handler.publish(summary);
    }
    return let;
  }

  private Kind kind(String what, LogRecord record, long now) {
    String key = kinds.containsKey(what) || kinds.size() < MOST_KINDS ? what : "";
    return kinds.computeIfAbsent(key, _ -> new Kind(String.valueOf(record.getLoggerName()), now));
  }

  private static String what(LogRecord record) {
    Throwable thrown = record.getThrown();
    return "%s in %s.%s%s"
        .formatted(
            record.getLevel(),
            record.getSourceClassName(),
            record.getSourceMethodName(),
            thrown == null ? "" : " with " + thrown.getClass().getName());
  }

  /** Ends the windows that are over, and logs what was left out in them. */
  void endWindows() {
    Map<String, Summary> summaries = new HashMap<>();
    synchronized (this) {
      long now = nanos.getAsLong();
      kinds.forEach(
          (what, kind) -> {
            Summary summary = endWindow(what, kind, now);
            if (summary != null) {
              summaries.put(what, summary);
            }
          });
    }
    summaries.values().forEach(handler::publish);
  }

  /** What is to be logged of a window that is over, if anything was left out in it. */
  private static @Nullable Summary endWindow(String what, Kind kind, long now) {
    if (now - kind.sinceNanos < WINDOW.toNanos()) {
      return null;
    }
    long leftOut = kind.leftOut;
    kind.sinceNanos = now;
    kind.logged = 0;
    kind.leftOut = 0;
    return leftOut == 0 ? null : new Summary(kind, what, leftOut);
  }

  /** Formats records as another does, but no longer ones. */
  static final class CutOff extends Formatter {
    private final Formatter formatter;

    CutOff(Formatter formatter) {
      this.formatter = formatter;
    }

    @Override
    public String format(LogRecord record) {
      String text = formatter.format(record);
      return text.length() <= MOST_CHARACTERS
          ? text
          : "%s... (%,d more characters)%n"
              .formatted(text.substring(0, MOST_CHARACTERS), text.length() - MOST_CHARACTERS);
    }

    @Override
    public String getHead(Handler handler) {
      return formatter.getHead(handler);
    }

    @Override
    public String getTail(Handler handler) {
      return formatter.getTail(handler);
    }
  }
}
