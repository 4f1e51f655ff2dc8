package dev.seriatim.server.serve;

import java.util.logging.LogManager;
import java.util.logging.Logger;

/**
 * The JDK's logging, but for the end: {@code java.util.logging} closes its handlers in a shutdown
 * hook of its own, which runs beside the one that drains, and what is logged in a drain would be
 * lost. This one keeps them open until the program says that all is done.
 *
 * <p>The system property {@code java.util.logging.manager} has to name it before the first logger
 * is made, and before this class is used at all. Public, with a public constructor, because the JDK
 * makes it by its name.
 */
public final class LogUntilTheEnd extends LogManager {
  /** Whether the handlers stay as they are, whoever wants to reset them. */
  private static volatile boolean kept;

  /** Made by the JDK. */
  public LogUntilTheEnd() {}

  /** From now on handlers are kept. */
  static void keep() {
    // Makes them, if nothing was logged so far: while the JVM shuts down they aren't made any more.
    var _ = Logger.getLogger("").getHandlers();
    kept = true;
  }

  /** Nothing is logged any more: closes the handlers, so that files are complete. */
  static void end() {
    kept = false;
    LogManager.getLogManager().reset();
  }

  /** Closes the handlers, unless they are kept. */
  @Override
  public void reset() {
    if (!kept) {
      super.reset();
    }
  }
}
