package dev.seriatim.stub;

/**
 * The frames that were sent and are not fully answered, each by the number of its last invocation.
 * Part of the {@link Ledger}.
 */
final class FrameWindow {
  private final long[] lastOfFrame;
  private int head;
  private int count;

  FrameWindow(int frames) {
    lastOfFrame = new long[frames];
  }

  boolean hasRoom() {
    return count < lastOfFrame.length;
  }

  void sent(long lastSequence) {
    lastOfFrame[(head + count) % lastOfFrame.length] = lastSequence;
    count++;
  }

  void clear() {
    count = 0;
  }

  void answered(long throughSequence) {
    while (count > 0 && lastOfFrame[head] <= throughSequence) {
      head = (head + 1) % lastOfFrame.length;
      count--;
    }
  }
}
