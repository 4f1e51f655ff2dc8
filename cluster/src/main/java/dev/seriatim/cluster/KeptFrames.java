package dev.seriatim.cluster;

import dev.seriatim.service.connect.Frame;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.wire.FrameScan;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the client of one stub has sent and nobody has answered to its end: first what was passed
 * on, and behind it what is still to be. Guarded by its relay.
 */
final class KeptFrames {
  /** One with no invocation is kept to the end if something is wrong with it. */
  private record Kept(StubFrame frame, int count, long room) {
    boolean isFaulty() {
      return count == 0 && !FrameScan.ofRequest(frame.bytes()).whole();
    }
  }

  private final RelayHost edge;
  private final ArrayDeque<Kept> passed = new ArrayDeque<>(2);
  private final ArrayDeque<Kept> waiting = new ArrayDeque<>(2);

  /** How many of the first frame's invocations are answered. */
  private int answeredOfFirst;

  private long answered;

  /**
   * Nothing is kept yet.
   *
   * @param edge counts what is
   */
  KeptFrames(RelayHost edge) {
    this.edge = edge;
  }

  /** What no host has: what waits. */
  List<StubFrame> waiting() {
    return waiting.stream().map(Kept::frame).toList();
  }

  /** How many invocations of the stub have been answered. */
  long answered() {
    return answered;
  }

  /**
   * A frame has come, whose room was taken.
   *
   * @param count how many invocations it has
   * @param room what was taken for it
   * @param passOn whether it is passed on at once, so that nothing must wait
   */
  void add(StubFrame frame, int count, long room, boolean passOn) {
    (passOn ? passed : waiting).add(new Kept(frame, count, room));
  }

  /** The next one that waits, which counts as passed on from now; null if there is none. */
  @Nullable StubFrame next() {
    Kept first = waiting.poll();
    if (first == null) {
      return null;
    }
    passed.add(first);
    return first.frame;
  }

  /** So many more were answered. */
  void answer(int count) {
    answered += count;
    answeredOfFirst += count;
    for (Kept first = passed.peek();
        first != null && !first.isFaulty() && answeredOfFirst >= first.count;
        first = passed.peek()) {
      answeredOfFirst -= first.count;
      edge.giveRoom(Math.max(1, first.count), first.room);
      passed.remove();
    }
  }

  /** What was passed on and not answered waits again, without what was answered of it. */
  void takeBack() {
    while (!passed.isEmpty()) {
      waiting.addFirst(passed.removeLast());
    }
    if (answeredOfFirst > 0) {
      Kept first = waiting.removeFirst();
      edge.giveRoom(answeredOfFirst, 0);
      byte[] rest = FrameScan.requestBehind(first.frame.bytes(), answeredOfFirst);
      waiting.addFirst(new Kept(Frame.of(rest), first.count - answeredOfFirst, first.room));
      answeredOfFirst = 0;
    }
  }

  /** Nothing is kept any more. */
  void clear() {
    for (Kept kept : passed) {
      edge.giveRoom(Math.max(1, kept.count), kept.room);
    }
    for (Kept kept : waiting) {
      edge.giveRoom(Math.max(1, kept.count), kept.room);
    }
    passed.clear();
    waiting.clear();
  }
}
