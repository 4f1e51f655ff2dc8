package dev.seriatim.benchmarks;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Keeps a number of calls in flight for a time: each answer makes the next call. */
final class ClosedLoop implements Runnable {
  private static final int MAX_SAMPLES = 1 << 21;
  private static final long END_SECONDS = 60;

  private final boolean timed;
  private final long[] samples;
  private final AtomicLong answers = new AtomicLong();
  private final AtomicInteger inFlight;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopping;
  private volatile Runnable call = () -> {};

  // Of the one call in flight, if calls are timed.
  private int sampled;
  private long issuedNanos;

  private ClosedLoop(int inFlight) {
    this.inFlight = new AtomicInteger(inFlight);
    this.timed = inFlight == 1;
    this.samples = timed ? new long[MAX_SAMPLES] : new long[0];
  }

  /** Runs for the warm-up, and then for the time that counts. */
  static Run run(Load.Opener opener, int inFlight, Duration warmUp, Duration time)
      throws Exception {
    ClosedLoop loop = new ClosedLoop(inFlight);
    Load opened = opener.open(loop);
    try {
      loop.call = opened.call();
      loop.issuedNanos = System.nanoTime();
      for (int i = 0; i < inFlight; i++) {
        opened.call().run();
      }
      loop.awaitAnswers(2L * Math.max(inFlight, opened.width()));
      Thread.sleep(warmUp);
      long startAnswers = loop.answers.get();
      Duration startCpu = Jvm.cpuOfAll();
      long start = System.nanoTime();
      Thread.sleep(time);
      long counted = loop.answers.get() - startAnswers;
      long nanos = System.nanoTime() - start;
      Duration cpu = Jvm.cpuOfAll().minus(startCpu);
      loop.stopping = true;
      if (!loop.ended.await(END_SECONDS, TimeUnit.SECONDS)) {
        throw new TimeoutException(
            "%d calls were not answered within %d s".formatted(loop.inFlight.get(), END_SECONDS));
      }
      return new Run(counted * 1e9 / nanos, loop.latencies(counted), cpu.toNanos() / 1e3 / counted);
    } finally {
      opened.end();
    }
  }

  /** Until there are enough answers that every stub is open. */
  private void awaitAnswers(long wanted) throws InterruptedException, TimeoutException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(END_SECONDS);
    while (answers.get() < wanted) {
      if (System.nanoTime() > end) {
        throw new TimeoutException(
            "%d calls were answered within %d s, expected %d"
                .formatted(answers.get(), END_SECONDS, wanted));
      }
      Thread.sleep(10);
    }
  }

  /** The samples of the last calls, as many as were counted. */
  private long[] latencies(long counted) {
    return Arrays.copyOfRange(samples, (int) Math.max(0, sampled - counted), sampled);
  }

  /** An answer has come. */
  @Override
  public void run() {
    if (timed) {
      long now = System.nanoTime();
      if (sampled < MAX_SAMPLES) {
        samples[sampled++] = now - issuedNanos;
      }
      issuedNanos = now;
    }
    answers.lazySet(answers.get() + 1); // One connection, so one thread.
    if (!stopping) {
      call.run();
    } else if (inFlight.decrementAndGet() == 0) {
      ended.countDown();
    }
  }
}
