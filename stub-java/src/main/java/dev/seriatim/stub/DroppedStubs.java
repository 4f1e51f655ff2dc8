package dev.seriatim.stub;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Closes stubs that were dropped without a close: nobody can call them any more, and each would
 * stay at the host, and here, for as long as the connection lasts. Calls that are on their way are
 * still answered. It is said once for a process.
 */
final class DroppedStubs {
  private static final Logger LOGGER = Logger.getLogger(DroppedStubs.class.getName());
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicBoolean TOLD = new AtomicBoolean();

  private DroppedStubs() {}

  /**
   * Closes the session when the handle has been collected, which the session must not refer to.
   *
   * @return what ends that
   */
  static Cleaner.Cleanable watch(Object handle, Session session) {
    return CLEANER.register(handle, () -> close(session));
  }

  private static void close(Session session) {
    if (session.close() && TOLD.compareAndSet(false, true)) {
      LOGGER.log(
          Level.WARNING,
          "The stub on {0} was dropped without a close. It is closed now, and so will others be"
              + " when they are collected, which may be late: until then each takes memory, here"
              + " and at the host. This is said once.",
          session);
    }
  }
}
