package dev.seriatim.service.session;

import dev.seriatim.service.ModelChecker;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * The output gate under a model checker, which tries interleavings of a turn thread, a committer
 * and the threads that send. In the end no outcome may be left behind: each was sent if its commit
 * is durable, and none otherwise.
 *
 * <p>The checker tries the same scenarios and interleavings each time, so that a failure, which
 * prints both, comes again.
 */
public class OutputGateRaceTest {
  private static final BreakCause LOST = BreakCause.of(BreakReason.OBJECT_RESET, "lost");

  private final Senders senders = new Senders();
  private final OutputGate gate = new OutputGate();
  private final Outcomes first = new Outcomes(gate);
  private final Outcomes second = new Outcomes(gate);

  /** The commits that were submitted. Written by the turn thread, before the committer sees one. */
  private volatile long submitted;

  // The committer's own.
  private long settled;
  private final Set<Long> lost = new HashSet<>();

  /** A turn writes, and its outcome waits for that. */
  @Operation(nonParallelGroup = "turns")
  public void write() {
    long commit = submitted + 1;
    submitted = commit;
    first.complete(commit);
  }

  /** A turn of another stub reads, and its outcome waits for what was written last. */
  @Operation(nonParallelGroup = "turns")
  public void read() {
    second.complete(submitted);
  }

  /** What was submitted becomes durable. */
  @Operation(nonParallelGroup = "commits")
  public void commit() {
    long commit = submitted;
    if (commit > settled) {
      settled = commit;
      gate.open(commit, senders);
    }
  }

  /** What was submitted is lost. */
  @Operation(nonParallelGroup = "commits")
  public void lose() {
    long commit = submitted;
    if (commit > settled) {
      long from = settled + 1;
      for (long each = from; each <= commit; each++) {
        lost.add(each);
      }
      settled = commit;
      gate.fail(Loss.of(from, commit, LOST), senders);
    }
  }

  /** A sender comes to its work. */
  @Operation
  public void send() {
    senders.runOne();
  }

  /** When all have come to rest, and all that was submitted is decided, no outcome waits. */
  @Validate
  public void nothingIsLeftBehind() {
    commit();
    senders.runAll();
    first.check(lost);
    second.check(lost);
  }

  @Test
  void leavesNothingBehind() {
    ModelChecker.options()
        .iterations(10)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsPerThread(2)
        .actorsBefore(2)
        .actorsAfter(0) // They would let go of what was left behind.
        .check(OutputGateRaceTest.class);
  }

  /** What the gate gives out to be done by some thread, at some time. */
  private static final class Senders implements java.util.concurrent.Executor {
    private final Queue<Runnable> tasks = new ArrayDeque<>();

    @Override
    public synchronized void execute(Runnable task) {
      tasks.add(task);
    }

    private synchronized @Nullable Runnable poll() {
      return tasks.poll();
    }

    boolean runOne() {
      Runnable task = poll();
      if (task != null) {
        task.run();
      }
      return task != null;
    }

    void runAll() {
      while (runOne()) {}
    }
  }

  /** The outcomes of one stub: as an outcome queue keeps them, but for the sending. */
  private static final class Outcomes implements OutputGate.Waiter {
    private final OutputGate gate;

    // Guarded by this: the commits that outcomes wait for.
    private final ArrayDeque<Long> waiting = new ArrayDeque<>();
    private final List<Long> sent = new ArrayList<>();
    private boolean broken;

    Outcomes(OutputGate gate) {
      this.gate = gate;
    }

    void complete(long commit) {
      boolean waits;
      synchronized (this) {
        if (broken) {
          return;
        }
        waits = !gate.isOpen(commit);
        waiting.add(commit);
      }
      flush();
      if (waits) {
        gate.await(this, commit);
      }
    }

    @Override
    public synchronized boolean waitsFor(long durable) {
      return !waiting.isEmpty() && waiting.getLast() > durable;
    }

    @Override
    public synchronized void commitsLost(Loss loss) {
      while (!waiting.isEmpty() && waiting.getLast() >= loss.first()) {
        waiting.removeLast();
        broken = true;
      }
    }

    @Override
    public synchronized void flush() {
      while (!waiting.isEmpty() && gate.isOpen(waiting.getFirst())) {
        sent.add(waiting.removeFirst());
      }
    }

    synchronized void check(Set<Long> lost) {
      if (!waiting.isEmpty()) {
        throw new AssertionError("the outcomes of commits " + waiting + " are left behind");
      }
      if (!Collections.disjoint(sent, lost)) {
        throw new AssertionError("outcomes of " + sent + " were sent, but lost are " + lost);
      }
    }
  }
}
