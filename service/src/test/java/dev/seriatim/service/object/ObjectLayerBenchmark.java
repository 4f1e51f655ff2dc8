package dev.seriatim.service.object;

import com.google.rpc.Status;
import com.sun.management.ThreadMXBean;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.Session;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Measures what a call costs the host without its transport: an object's turn, and the stub's way
 * in and out. Many objects, each with a stub that stays open, or with one for each call, driven by
 * one thread as the transport would. Not a test: run {@code main} by hand. Argument: how many
 * objects.
 *
 * <p>It counts processor time and allocated bytes of that thread, on which the turns run too, so it
 * can be run beside other work.
 */
public final class ObjectLayerBenchmark {
  private static final int ROUNDS = 60;
  private static final int TOGETHER = 256;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final int count;
  private List<Invocation> invocations = List.of();
  private final AtomicLong outcomes = new AtomicLong();

  private ObjectLayerBenchmark(int count) {
    this.count = count;
  }

  /** Prints a line for each measurement. */
  public static void main(String[] args) {
    new ObjectLayerBenchmark(args.length > 0 ? Integer.parseInt(args[0]) : 10_000).run();
  }

  private void run() {
    HostLimits limits = HostLimits.builder().build();
    try (TestObjects objects = new TestObjects(limits, Probe.doing(Probe::echo))) {
      objects.prove("Do");
      Session[] stubs = new Session[count];
      for (int i = 0; i < count; i++) {
        stubs[i] = objects.open("object-" + i, new Sink());
      }
      measure("a call on an open stub", objects, i -> stubs[i].add(invocations, 40));
      for (Session stub : stubs) {
        stub.halfClose();
      }
      List<Invocation> first = List.of(invocation(1));
      ObjectAddress[] addresses = new ObjectAddress[count];
      for (int i = 0; i < count; i++) {
        addresses[i] = objects.address("object-" + i);
      }
      measure(
          "a stub for each call",
          objects,
          i -> {
            Session stub =
                objects.directory.open(
                    addresses[i], new Sink(), /* local= */ false, /* session= */ null);
            stub.add(first, 40);
            stub.halfClose();
          });
    }
  }

  private interface Step {
    void call(int object);
  }

  private void measure(String what, TestObjects objects, Step step) {
    for (int round = 0; round < ROUNDS; round++) {
      invocations = List.of(invocation(round + 1));
      round(objects, step);
    }
    long bestNanos = Long.MAX_VALUE;
    long bestBytes = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      invocations = List.of(invocation(ROUNDS + round + 1));
      long nanos = threads.getCurrentThreadCpuTime();
      long bytes = threads.getCurrentThreadAllocatedBytes();
      if (round(objects, step)) {
        bestNanos = Math.min(bestNanos, threads.getCurrentThreadCpuTime() - nanos);
        bestBytes = Math.min(bestBytes, threads.getCurrentThreadAllocatedBytes() - bytes);
      }
    }
    System.out.printf(
        "%-26s %,8.2f µs %,8d bytes%n", what, bestNanos / 1000.0 / count, bestBytes / count);
  }

  /** Whether every turn ran on this thread. */
  private boolean round(TestObjects objects, Step step) {
    long before = outcomes.get();
    for (int from = 0; from < count; from += TOGETHER) {
      int to = Math.min(from + TOGETHER, count);
      together(objects.directory, step, from, to);
    }
    boolean here = outcomes.get() - before == count;
    while (outcomes.get() - before < count) { // The first turns of an object run elsewhere.
      Thread.onSpinWait();
    }
    return here;
  }

  /** As for the parts of one message. */
  private static void together(ObjectDirectory directory, Step step, int from, int to) {
    boolean round = directory.beginRound();
    for (int i = from; i < to; i++) {
      step.call(i);
    }
    if (round) {
      directory.endRound();
    }
  }

  private static Invocation invocation(long sequence) {
    return TestObjects.invocation(sequence, "Do", "some 32 bytes of text, or so, yes");
  }

  /** Where outcomes go. */
  private final class Sink implements Attachment {
    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void send(List<Outcome> sent, @Nullable Broken broken) {
      outcomes.addAndGet(sent.size());
    }

    @Override
    public void close(Status end) {}
  }
}
