package dev.seriatim.conformance.faults;

import dev.seriatim.stub.Fate;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the stubs of clients were asked to do with journals, when, and what came of it. All times
 * are of this process' clock. Any thread may call it; each stub's calls are begun by one.
 */
final class History {
  /** What became of a call. */
  sealed interface Result {
    /** The line is there, as the one with this index. */
    record Appended(long index) implements Result {}

    /** These lines were there, from this index on. */
    record Lines(long from, List<String> lines) implements Result {}

    /** It failed, and so much is known of its effect. */
    record Failed(Fate fate, String reason, String message) implements Result {}
  }

  /**
   * A call that has ended.
   *
   * @param stub a name that no other stub has
   * @param object the journal
   * @param number which of its stub's calls it is, from 1
   * @param append whether it appends {@link #line}, or reads
   */
  record Call(
      String stub,
      String object,
      int number,
      boolean append,
      long began,
      long ended,
      Result result) {
    /** What it appends. No other call appends the same. */
    String line() {
      return stub + ":" + number;
    }

    @Override
    public String toString() {
      return (append ? "append " : "read ") + line() + " of " + object + " -> " + result;
    }
  }

  /** A stub whose calls are recorded. */
  final class Stub {
    private final String name;
    private final String object;
    private final String told;
    private int number;

    private Stub(String name, String object, String told) {
      this.name = name;
      this.object = object;
      this.told = told;
    }

    /** A call is about to be made. */
    Open begin(boolean append) {
      Open call = new Open(this, ++number, append, System.nanoTime());
      open.add(call);
      return call;
    }
  }

  /** A call that nothing is known of as yet. */
  final class Open {
    private final Stub stub;
    private final int number;
    private final boolean append;
    private final long began;

    private Open(Stub stub, int number, boolean append, long began) {
      this.stub = stub;
      this.number = number;
      this.append = append;
      this.began = began;
    }

    /** Which stub has made it, and how that was opened. */
    String stub() {
      return stub.name + " of " + stub.told;
    }

    String line() {
      return stub.name + ":" + number;
    }

    /** This came of it. */
    void ended(Result result) {
      long now = System.nanoTime();
      ended.add(new Call(stub.name, stub.object, number, append, began, now, result));
      open.remove(this);
      if (result instanceof Result.Failed) {
        failed.increment();
      } else {
        answered.increment();
      }
    }

    @Override
    public String toString() {
      return (append ? "append " : "read ") + line() + " of " + stub.object;
    }
  }

  private final Queue<Call> ended = new ConcurrentLinkedQueue<>();
  private final Set<Open> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger stubs = new AtomicInteger();
  private final LongAdder answered = new LongAdder();
  private final LongAdder failed = new LongAdder();

  /** A stub on this journal has been made, by way of the host with this index. */
  Stub stub(String object, int host, boolean onSharedCall) {
    return new Stub(
        "stub" + stubs.incrementAndGet(),
        object,
        "%s by way of host %d on %s call"
            .formatted(object, host + 1, onSharedCall ? "a shared" : "its own"));
  }

  /** Whether nothing is known of this call. */
  boolean isOpen(Open call) {
    return open.contains(call);
  }

  /** The calls of which nothing is known. */
  List<Open> open() {
    return List.copyOf(open);
  }

  long answered() {
    return answered.sum();
  }

  long failed() {
    return failed.sum();
  }

  int stubs() {
    return stubs.get();
  }

  /** All that have ended. */
  List<Call> calls() {
    return new ArrayList<>(ended);
  }
}
