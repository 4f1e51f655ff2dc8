package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.management.ManagementFactory;
import jdk.management.VirtualThreadSchedulerMXBean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads that the JVM runs virtual threads on. There is one for each processor; for each that
 * is held by a virtual thread which doesn't let go, it can be given one more. One for the JVM,
 * whatever the number of hosts. Safe for any number of threads.
 */
final class Carriers {
  /** Those of this JVM. */
  static final Carriers OF_JVM = new Carriers();

  private static final Logger logger = LoggerFactory.getLogger(Carriers.class);

  /** What the threads of the JVM's scheduler are called. */
  private static final String NAME = "ForkJoinPool-";

  private final VirtualThreadSchedulerMXBean scheduler =
      ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class);

  /** How many there are beyond those that there were at first. */
  @GuardedBy("this")
  private int added;

  /** How many there should be beyond those. */
  @GuardedBy("this")
  private int wanted;

  private Carriers() {}

  /**
   * Where a virtual thread runs at the moment, which is told only by what it prints as.
   *
   * @return the name of the thread that it is mounted on; empty if it is on none
   */
  static String placeOf(Thread thread) {
    String text = thread.toString();
    int at = text.indexOf('@', text.lastIndexOf(']'));
    return at < 0 ? "" : text.substring(at + 1);
  }

  /** Whether this is the name of a thread that other virtual threads need, too. */
  static boolean isOne(String place) {
    return place.startsWith(NAME);
  }

  /** Whether some of them have nothing to do, or have still to be started. */
  boolean areIdle() {
    return scheduler.getMountedVirtualThreadCount() < scheduler.getParallelism();
  }

  /** So many more, or, below zero, fewer are held for long. */
  synchronized void held(int more) {
    wanted += more;
    if (wanted == added) {
      return;
    }
    try {
      int now = scheduler.getParallelism();
      scheduler.setParallelism(now - added + wanted);
      added = wanted;
    } catch (RuntimeException e) { // It has as many as it can have, say.
      logger.debug("the JVM gets no other number of threads for virtual threads", e);
    }
  }
}
