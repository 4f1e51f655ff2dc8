package dev.seriatim.service.session;

import com.google.rpc.Status;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one stub has still to send, in order, each behind the gate of a commit, and what all of it
 * takes in memory. Guarded by the lock of its {@link OutcomeQueue}.
 */
final class OutcomeLine {
  /** A frame has at most so many outcomes. */
  static final int FULL_FRAME_OUTCOMES = 256;

  /** A frame has at most so many bytes of outcomes, unless it has one alone. */
  static final int FULL_FRAME_BYTES = 256 << 10;

  /** What an outcome takes in memory beside its result. */
  private static final int OVERHEAD_BYTES = 160;

  /** A result that isn't larger is kept as the message that it is, also while it waits. */
  private static final int SMALL_BYTES = 128;

  /** A message made of many small ones may take so many times its bytes. */
  private static final int SMALL_FACTOR = 8;

  /** JSON is kept as a tree, each node of which is an object or two. */
  private static final int JSON_FACTOR = 24;

  private final SessionObject object;

  /**
   * In the order in which they leave, linked: a stub that has nothing to send has no room for it.
   */
  private @Nullable Item first;

  private @Nullable Item last;
  private int size;

  /** What the items have on the wire, and in memory. */
  private long wireBytes;

  private long heapBytes;

  /** What the attachment was given since it last was ready for more. */
  private long onItsWay;

  /** What the budget was told. */
  private long counted;

  /** One outcome, or the end of the call, behind the gate of a commit; 0 is always open. */
  private static final class Item {
    final @Nullable Outcome outcome;
    final int wireBytes;
    final long heapBytes;
    final @Nullable Broken broken;
    final Status end;
    final long gate;
    @Nullable Item next;

    Item(Outcome outcome, int wireBytes, long heapBytes, long gate) {
      this.outcome = outcome;
      this.wireBytes = wireBytes;
      this.heapBytes = heapBytes;
      this.broken = null;
      this.end = Status.getDefaultInstance();
      this.gate = gate;
    }

    Item(@Nullable Broken broken, Status end, long gate) {
      this.outcome = null;
      this.wireBytes = 0;
      this.heapBytes = 0;
      this.broken = broken;
      this.end = end;
      this.gate = gate;
    }
  }

  /**
   * What leaves together.
   *
   * @param end the status with which the call ends behind it, or null if it goes on
   */
  record Frame(List<Outcome> outcomes, @Nullable Broken broken, @Nullable Status end) {}

  OutcomeLine(SessionObject object) {
    this.object = object;
  }

  /** The outcome in the form in which it takes the least memory, and a known one. */
  static Outcome compact(Outcome outcome) {
    Content message = outcome.message();
    return message == null || message.size() <= SMALL_BYTES
        ? outcome
        : new Outcome(outcome.sequence(), Content.of(message.toByteString()), null);
  }

  /** About how much memory an outcome takes that is compact. */
  static long heapBytes(Outcome outcome) {
    return heapBytes(outcome, outcome.size());
  }

  private static long heapBytes(Outcome outcome, long size) {
    if (outcome.json() != null) {
      return OVERHEAD_BYTES + JSON_FACTOR * size;
    }
    return OVERHEAD_BYTES + (size <= SMALL_BYTES ? SMALL_FACTOR * size : size);
  }

  // ---- in

  /** Adds an outcome. If it {@link OutcomeBudget#mustReserve must be}, its room was reserved. */
  void add(Outcome outcome, long gate) {
    int onWire = outcome.size();
    long inMemory = heapBytes(outcome, onWire);
    add(new Item(outcome, onWire, inMemory, notBeforeTheLast(gate)));
    wireBytes += onWire;
    heapBytes += inMemory;
    if (OutcomeBudget.mustReserve(inMemory)) {
      counted += inMemory;
    }
    count();
  }

  /** The end of the call: nothing comes behind it. */
  void addEnd(@Nullable Broken broken, Status status, long gate) {
    add(new Item(broken, status, notBeforeTheLast(gate)));
  }

  private void add(Item item) {
    if (last == null) {
      first = item;
    } else {
      last.next = item;
    }
    last = item;
    size++;
  }

  /**
   * The gate of what comes behind all that is here. It is never below that of the last, so that the
   * last tells what all of them wait for: storage may know that a commit is durable, and ask for no
   * gate, before the gate has been opened.
   */
  private long notBeforeTheLast(long gate) {
    return Math.max(gate, lastGate());
  }

  // ---- what is here

  /** The commit that all of it waits for; 0 if there is nothing. */
  long lastGate() {
    return last == null ? 0 : last.gate;
  }

  boolean isEmpty() {
    return first == null;
  }

  /** Whether there is the end of the call, and nothing before it. */
  boolean isAtEnd() {
    return first != null && first.outcome == null;
  }

  int size() {
    return size;
  }

  /** How much would be written, if it could. */
  long wireBytes() {
    return wireBytes;
  }

  /** How much memory it takes, also what is on its way */
  long heapBytes() {
    return heapBytes + onItsWay;
  }

  /** Whether something of it was counted, though its place has no room for more. */
  boolean isOverBudget() {
    return counted > 0 && object.outcomeBudget().isFull();
  }

  // ---- out

  /** What may leave now, as one frame; null if nothing may. */
  @Nullable Frame take(OutputGate gate) {
    Item next = first;
    if (next == null || !gate.isOpen(next.gate)) {
      return null;
    }
    int bytes = 0;
    Item end = null;
    List<Outcome> outcomes = new ArrayList<>(Math.min(size, FULL_FRAME_OUTCOMES));
    while (next != null
        && end == null
        && outcomes.size() < FULL_FRAME_OUTCOMES
        && (bytes == 0 || bytes + next.wireBytes <= FULL_FRAME_BYTES)
        && gate.isOpen(next.gate)) {
      bytes += next.wireBytes;
      heapBytes -= next.heapBytes;
      size--;
      if (next.outcome != null) {
        outcomes.add(next.outcome);
      } else {
        end = next;
      }
      next = next.next;
    }
    first = next;
    if (next == null) {
      last = null;
    }
    wireBytes -= bytes;
    onItsWay += bytes;
    count();
    return end == null ? new Frame(outcomes, null, null) : new Frame(outcomes, end.broken, end.end);
  }

  /** What the attachment was given has left, but for what it is always ready to take. */
  void delivered() {
    if (onItsWay != 0) {
      onItsWay = 0;
      count();
    }
  }

  /**
   * The commit that the first outcome waits for which depends on this commit, or on a later one; 0
   * if there is no such outcome.
   */
  long firstOutcomeGate(long commit) {
    Item item = first;
    while (item != null && item.gate < commit) { // Gates only grow.
      item = item.next;
    }
    return item == null || item.outcome == null ? 0 : item.gate;
  }

  /**
   * Drops what depends on this commit, or on a later one.
   *
   * @return the number of the first outcome that was dropped; 0 if there was none
   */
  long dropFrom(long commit) {
    Item kept = null;
    Item lost = first;
    while (lost != null && lost.gate < commit) { // Gates only grow.
      kept = lost;
      lost = lost.next;
    }
    last = kept;
    if (kept == null) {
      first = null;
    } else {
      kept.next = null;
    }
    long firstLost = lost == null || lost.outcome == null ? 0 : lost.outcome.sequence();
    for (; lost != null; lost = lost.next) {
      wireBytes -= lost.wireBytes;
      heapBytes -= lost.heapBytes;
      size--;
    }
    count();
    return firstLost;
  }

  /** Drops everything. What the attachment has still to send, it drops, too. */
  void clear() {
    first = null;
    last = null;
    size = 0;
    wireBytes = 0;
    heapBytes = 0;
    onItsWay = 0;
    count();
  }

  private void count() {
    long now = heapBytes + onItsWay;
    long change = now - counted;
    if (OutcomeBudget.matters(change) || (now == 0 && change != 0)) {
      counted = now;
      object.outcomeBudget().add(change);
    }
  }
}
