package dev.seriatim.server.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import org.slf4j.LoggerFactory;

/** Libraries log, and what a command prints is for a person, or for the next program. */
final class QuietLog {
  /** Whoever wants to see what they log says so by this. */
  private static final String OWN_FILE = "logback.configurationFile";

  private QuietLog() {}

  /** Nothing is logged any more, and with that nothing goes to standard output but the answer. */
  static void begin() {
    if (System.getProperty(OWN_FILE) != null) {
      return;
    }
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.OFF);
  }
}
