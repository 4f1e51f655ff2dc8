package dev.seriatim.server.serve;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * The program's log: all that goes through SLF4J or the JDK's loggers, to standard error. Whoever
 * has logback read a file (with {@code -Dlogback.configurationFile=FILE}) has it as the file says,
 * within the limit all the same.
 */
final class Logs {
  private static final String OWN_FILE = "logback.configurationFile";

  /** What these warn of is the usual when hosts and clients come and go. */
  private static final ImmutableMap<String, Level> QUIET =
      ImmutableMap.of(
          "org.apache.pekko.cluster.sharding", Level.ERROR,
          "org.apache.pekko.event.slf4j.Slf4jLogger", Level.ERROR,
          "org.apache.pekko.stream.Materializer", Level.ERROR,
          // A record with a stack trace for each of its calls when a connection is cut: on the
          // transport's thread, which took seconds for some thousands of them.
          "io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler", Level.ERROR,
          "com.zaxxer.hikari", Level.WARN);

  private Logs() {}

  /** Begins to log like this; once, before anything is logged. */
  static void begin(LogFormat format, int perMinute) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    if (System.getProperty(OWN_FILE) == null) {
      context.reset();
      root.setLevel(Level.INFO);
      QUIET.forEach((name, level) -> context.getLogger(name).setLevel(level));
      root.addAppender(console(context, format));
    }
    LogFlood flood = new LogFlood(System::nanoTime);
    context.addTurboFilter(flood);
    ImmutableList<Appender<ILoggingEvent>> all = ImmutableList.copyOf(root.iteratorForAppenders());
    for (Appender<ILoggingEvent> appender : all) {
      root.detachAppender(appender);
      LogLimit limit = new LogLimit(context, appender, perMinute, System::nanoTime, flood);
      limit.start();
      root.addAppender(limit);
    }
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
  }

  private static Appender<ILoggingEvent> console(LoggerContext context, LogFormat format) {
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setContext(context);
    console.setName("console");
    console.setTarget("System.err");
    console.setEncoder(format.encoder());
    console.start();
    return console;
  }

  /** Nothing is logged any more: closes what records go to, so that files are complete. */
  static void end() {
    LogUntilTheEnd.end();
    ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
  }
}
