package dev.seriatim.service.session;

import dev.seriatim.wire.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes of a session that its client has not acknowledged, in order, each with the commit
 * that it waits for, and what all of them take. Guarded by its {@link SessionRecord}.
 */
final class Unacknowledged {
  private final SessionMemory memory;

  private @Nullable Kept first;
  private @Nullable Kept last;

  /** The last of them, as long as its turn's writes are only about to be submitted. */
  private @Nullable Kept prepared;

  private long wireBytes;
  private long heapBytes;

  /** What the memory was told. */
  private long counted;

  /** An outcome, and the commit that it waits for. */
  private static final class Kept {
    final Outcome outcome;
    final int wireBytes;
    final long heapBytes;
    long gate;
    @Nullable Kept next;

    Kept(Outcome outcome, long gate) {
      this.outcome = outcome;
      this.wireBytes = outcome.size();
      this.heapBytes = OutcomeLine.heapBytes(outcome);
      this.gate = gate;
    }
  }

  Unacknowledged(SessionMemory memory) {
    this.memory = memory;
  }

  /** How much would be written to tell all of them again. */
  long wireBytes() {
    return wireBytes;
  }

  boolean isEmpty() {
    return first == null;
  }

  /** Adds an outcome that waits for this commit. */
  void add(Outcome outcome, long gate) {
    add(new Kept(outcome, gate));
  }

  private void add(Kept kept) {
    if (last == null) {
      first = kept;
    } else {
      last.next = kept;
    }
    last = kept;
    wireBytes += kept.wireBytes;
    heapBytes += kept.heapBytes;
    count();
  }

  /** Adds the outcome of a turn that is about to be submitted. */
  void prepare(Outcome outcome) {
    Kept kept = new Kept(outcome, 0);
    prepared = kept;
    add(kept);
  }

  boolean hasPrepared() {
    return prepared != null;
  }

  /** What was prepared came to nothing. */
  void withdraw() {
    Kept withdrawn = prepared;
    if (withdrawn == null) {
      return;
    }
    prepared = null;
    Kept before = null;
    for (Kept kept = first; kept != withdrawn && kept != null; kept = kept.next) {
      before = kept;
    }
    last = before;
    if (before == null) {
      first = null;
    } else {
      before.next = null;
    }
    wireBytes -= withdrawn.wireBytes;
    heapBytes -= withdrawn.heapBytes;
    count();
  }

  /** What was prepared is submitted, and waits for this commit. Gives it; null if it is gone. */
  @Nullable Outcome submitted(long commit) {
    Kept done = prepared;
    if (done == null) {
      return null;
    }
    prepared = null;
    done.gate = commit;
    return done.outcome;
  }

  /** Drops those up to this number, but for what is prepared. */
  void dropThrough(long through) {
    Kept kept = first;
    while (kept != null && kept != prepared && kept.outcome.sequence() <= through) {
      wireBytes -= kept.wireBytes;
      heapBytes -= kept.heapBytes;
      kept = kept.next;
    }
    first = kept;
    if (kept == null) {
      last = null;
    }
    count();
  }

  void clear() {
    first = null;
    last = null;
    wireBytes = 0;
    heapBytes = 0;
    count();
  }

  /** Those up to this number. */
  List<Outcome> through(long sequence) {
    List<Outcome> outcomes = new ArrayList<>();
    for (Kept kept = first; kept != null && kept.outcome.sequence() <= sequence; kept = kept.next) {
      outcomes.add(kept.outcome);
    }
    return outcomes;
  }

  /** The commits that they wait for. */
  List<Long> gates() {
    List<Long> gates = new ArrayList<>();
    for (Kept kept = first; kept != null; kept = kept.next) {
      gates.add(kept.gate);
    }
    return gates;
  }

  private void count() {
    long change = heapBytes - counted;
    if (OutcomeBudget.matters(change) || (heapBytes == 0 && change != 0)) {
      counted = heapBytes;
      memory.add(change);
    }
  }
}
