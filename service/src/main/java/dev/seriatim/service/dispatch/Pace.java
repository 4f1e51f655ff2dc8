package dev.seriatim.service.dispatch;

/**
 * Whether the turns of a method are short, as a rule. A hint for which it is enough to be nearly
 * right: any number of threads read and write it, and may overwrite each other.
 *
 * <p>An account of time: each turn pays in what a short turn may take, and draws what it took.
 */
public final class Pace {
  /** About what it costs to give a turn another thread. */
  private static final long SHORT_NANOS = 20_000;

  /** A pause of the JVM or of the machine isn't the method's fault, if it comes seldom. */
  private static final long MOST_NANOS = 250 * SHORT_NANOS;

  /** What has turned out to be long has to be short for some time. */
  private static final long LEAST_NANOS = -1_000 * SHORT_NANOS;

  /** A new method has to prove itself, with at least this many turns. */
  private volatile long balance = -50 * SHORT_NANOS;

  /** One that has been barred. It is below what a turn can make of it. */
  private static final long BARRED = Long.MIN_VALUE;

  Pace() {}

  /** Whether the next turn can be expected to be short. */
  public boolean isShort() {
    return balance > 0;
  }

  /** From now on no turn of the method is expected to be short, until {@link #unbar}. */
  public void bar() {
    balance = BARRED;
  }

  /** Turns of the method are short again once they have been so for some time. */
  public void unbar() {
    balance = LEAST_NANOS;
  }

  /** A turn of the method has taken so long. */
  public void took(long nanos) {
    long before = balance;
    if (before == BARRED) {
      return;
    }
    long after = Math.clamp(before + SHORT_NANOS - nanos, LEAST_NANOS, MOST_NANOS);
    if (after != before) { // As a rule it is as high as it can be: then nobody writes.
      balance = after;
    }
  }
}
