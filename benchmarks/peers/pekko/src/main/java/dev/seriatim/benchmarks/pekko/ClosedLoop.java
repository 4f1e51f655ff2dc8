package dev.seriatim.benchmarks.pekko;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Keeps a number of calls in flight for a time: each answer makes the next call. As the driver's
 * own loop, but that answers may come on any thread.
 */
final class ClosedLoop {
  private static final int MAX_SAMPLES = 1 << 21;
  private static final long END_SECONDS = 60;

  private final Runnable call;
  private final long[] samples;
  private final LongAdder answers = new LongAdder();
  private final AtomicInteger inFlight;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopping;

  // Of the one call in flight, if calls are timed.
  private int sampled;
  private long issuedNanos;

  /**
   * What came of one run.
   *
   * @param calls all that were made, those of the warm-up too
   * @param line what the driver is told
   */
  record Run(long calls, String line) {}

  private ClosedLoop(Calls.Load load, int inFlight) {
    this.inFlight = new AtomicInteger(inFlight);
    samples = new long[inFlight == 1 ? MAX_SAMPLES : 0];
    call = load.open(inFlight == 1 ? this::answeredTimed : this::answered);
  }

  /** Runs for the warm-up, and then for the time that counts. */
  static Run run(Calls.Load load, int inFlight, Duration warmUp, Duration time)
      throws InterruptedException, TimeoutException {
    ClosedLoop loop = new ClosedLoop(load, inFlight);
    loop.issuedNanos = System.nanoTime();
    for (int i = 0; i < inFlight; i++) {
      loop.call.run();
    }
    Thread.sleep(warmUp);
    long before = loop.answers.sum();
    long start = System.nanoTime();
    Thread.sleep(time);
    long counted = loop.answers.sum() - before;
    long nanos = System.nanoTime() - start;
    loop.stopping = true;
    if (!loop.ended.await(END_SECONDS, TimeUnit.SECONDS)) {
      throw new TimeoutException(
          "%d calls were not answered within %d s".formatted(loop.inFlight.get(), END_SECONDS));
    }
    String line = String.format(Locale.ROOT, "%.1f", counted * 1e9 / nanos);
    return new Run(loop.answers.sum(), inFlight == 1 ? line + loop.latencies(counted) : line);
  }

  /** The percentiles of the last calls, as many as were counted. */
  private String latencies(long counted) {
    long[] sorted = Arrays.copyOfRange(samples, (int) Math.max(0, sampled - counted), sampled);
    Arrays.sort(sorted);
    StringBuilder line = new StringBuilder();
    for (int percent = 0; percent <= 100; percent++) {
      long nanos = sorted[(int) (percent / 100.0 * (sorted.length - 1))];
      line.append(String.format(Locale.ROOT, " %.1f", nanos / 1e3));
    }
    return line.toString();
  }

  private void answeredTimed() {
    long now = System.nanoTime();
    if (sampled < MAX_SAMPLES) {
      samples[sampled++] = now - issuedNanos;
    }
    issuedNanos = now;
    answered();
  }

  private void answered() {
    answers.increment();
    if (!stopping) {
      call.run();
    } else if (inFlight.decrementAndGet() == 0) {
      ended.countDown();
    }
  }
}
