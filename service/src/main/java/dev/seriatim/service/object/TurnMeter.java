package dev.seriatim.service.object;

import dev.seriatim.service.HostListener.TurnEvent;
import dev.seriatim.service.TurnResult;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakReason;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Counts the turns of one turn thread: as long as they are of one method and end well, in a field
 * of its own, for what all threads share costs more than a short turn may. The turn thread's own.
 */
final class TurnMeter {
  /** So many turns, at most, aren't seen by others. */
  private static final int MOST_UNTOLD = 64;

  /** One turn of so many is timed if turns of its method are short: to do so isn't much shorter. */
  private static final int TIMED_TURNS = 8;

  /** One of so many is told then. */
  private static final int TOLD_TURNS = 8 * TIMED_TURNS;

  private final LiveObject object;
  private final HostCounts host;
  private final NamespaceCounts counts;

  /**
   * Which turns of the object are timed, and which are told: of each object others, so that those
   * which have but few turns have their part in both, as their first turns have.
   */
  private final int place;

  private boolean onTransport;
  private @Nullable ObjectMethod method;
  private int untold;

  TurnMeter(LiveObject object) {
    this.object = object;
    this.host = object.directory().counts();
    this.counts = host.of(object.namespace());
    this.place = object.id().hashCode() & (TOLD_TURNS - 1);
  }

  /** From now on turns run there. */
  void goesOn(boolean transport) {
    tell();
    onTransport = transport;
  }

  void endedWell(ObjectMethod of) {
    if (of != method) {
      tell();
      method = of;
    }
    if (++untold == MOST_UNTOLD) {
      tell();
    }
  }

  void failed(ObjectMethod of, BreakReason reason) {
    counts.turns(of, HostCounts.result(reason), 1);
    host.ranOn(onTransport, 1);
  }

  /** Nothing ran, since the host didn't let it. */
  void refused(ObjectMethod of, BreakReason reason) {
    counts.turns(of, HostCounts.result(reason), 1);
  }

  /** Lets others see what was counted. */
  void tell() {
    ObjectMethod of = method;
    if (untold != 0 && of != null) {
      counts.turns(of, TurnResult.OK, untold);
      host.ranOn(onTransport, untold);
      untold = 0;
    }
  }

  /** Whether this turn is timed. */
  boolean isTimed(long turn, ObjectMethod of) {
    return !of.pace().isShort() || (turn + place) % TIMED_TURNS == 0;
  }

  /** Whether this turn, which was timed, is one of those that the listener is told of. */
  boolean isInSample(long turn, ObjectMethod of) {
    return !of.pace().isShort() || (turn + place) % TOLD_TURNS == 0;
  }

  /** Tells the listener of a turn. */
  void tellOf(ObjectMethod of, long queuedNanos, long tookNanos, @Nullable BreakReason failure) {
    host.listener()
        .turnEnded(
            new TurnEvent(
                object.namespace().name(),
                object.id(),
                of.name(),
                Duration.ofNanos(Math.max(0, queuedNanos)),
                Duration.ofNanos(Math.max(0, tookNanos)),
                failure == null ? TurnResult.OK : HostCounts.result(failure)));
  }
}
