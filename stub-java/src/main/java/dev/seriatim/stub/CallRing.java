package dev.seriatim.stub;

import org.jspecify.annotations.Nullable;

/**
 * The calls of one stub that have no outcome yet, by their numbers, which have no gaps: first those
 * that were sent, then those that wait. Part of the {@link Ledger}.
 */
final class CallRing {
  private @Nullable PendingCall[] slots = new PendingCall[4]; // A power of two.
  private long answered; // 1 … answered have had their outcomes,
  private long sent; // … sent are on their way,
  private long last; // … last wait to be sent.
  private long waitingBytes;

  long answered() {
    return answered;
  }

  long sent() {
    return sent;
  }

  long last() {
    return last;
  }

  /** Whether every call has had its outcome. */
  boolean isAnswered() {
    return answered == last;
  }

  int waiting() {
    return (int) (last - sent);
  }

  long waitingBytes() {
    return waitingBytes;
  }

  /** Takes a call in, and gives it its number. */
  void add(PendingCall call) {
    if (last - answered == slots.length) {
      grow();
    }
    call.number(++last);
    slots[index(last)] = call;
    waitingBytes += call.bytes();
  }

  /** The calls of the next frame; at least one, which goes alone if it is over the bytes. */
  PendingCall[] send(int maxInvocations, int maxBytes) {
    int limit = Math.min(waiting(), maxInvocations);
    int count = 0;
    long bytes = 0;
    while (count < limit) {
      int next = call(sent + 1 + count).bytes();
      if (count > 0 && bytes + next > maxBytes) {
        break;
      }
      bytes += next;
      count++;
    }
    PendingCall[] frame = new PendingCall[count];
    for (int i = 0; i < count; i++) {
      frame[i] = call(sent + 1 + i);
    }
    sent += count;
    waitingBytes -= bytes;
    return frame;
  }

  /** Those that were sent, and have no outcome, wait again, from behind this number. */
  void rewind(long last) {
    for (long sequence = last + 1; sequence <= sent; sequence++) {
      waitingBytes += call(sequence).bytes();
    }
    sent = last;
  }

  /** Takes out the next sent calls, whose outcomes have come. */
  PendingCall[] answer(int count) {
    PendingCall[] calls = new PendingCall[count];
    for (int i = 0; i < count; i++) {
      calls[i] = call(answered + 1 + i);
      slots[index(answered + 1 + i)] = null;
    }
    answered += count;
    return calls;
  }

  /**
   * The call with this number, which must be above {@link #answered} and not above {@link #last}.
   */
  PendingCall call(long sequence) {
    PendingCall call = slots[index(sequence)];
    if (call == null) {
      throw new AssertionError("no call " + sequence + " in " + answered + "…" + last);
    }
    return call;
  }

  /** Takes out every call that is left, in order. */
  PendingCall[] clear() {
    sent = last;
    waitingBytes = 0;
    return answer((int) (last - answered));
  }

  private int index(long sequence) {
    return (int) sequence & (slots.length - 1);
  }

  private void grow() {
    @Nullable PendingCall[] larger = new PendingCall[2 * slots.length];
    for (long sequence = answered + 1; sequence <= last; sequence++) {
      larger[(int) sequence & (larger.length - 1)] = slots[index(sequence)];
    }
    slots = larger;
  }
}
