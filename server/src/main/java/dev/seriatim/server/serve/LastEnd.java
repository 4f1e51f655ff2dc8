package dev.seriatim.server.serve;

import java.io.PrintWriter;
import java.time.Duration;

/**
 * The end of a process that doesn't come to it. Whatever hangs, a store that doesn't answer or a
 * client that doesn't read: who waits for this process doesn't wait for long. To end in the middle
 * does no harm; a crash would be no different.
 */
final class LastEnd {
  private LastEnd() {}

  /** Ends the process with 1 when this time has passed, and says so. */
  static void after(Duration limit, PrintWriter err) {
    Thread.ofPlatform()
        .daemon()
        .name("seriatim-drain-limit")
        .start(
            () -> {
              try {
                Thread.sleep(limit);
              } catch (InterruptedException e) {
                return; // Nobody does that.
              }
              err.println("the drain has not ended after " + limit.toSeconds() + " s: ends here");
              Logs.end();
              Runtime.getRuntime().halt(1);
            });
  }
}
