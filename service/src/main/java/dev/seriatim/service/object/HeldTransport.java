package dev.seriatim.service.object;

import dev.seriatim.service.dispatch.ObjectMethod;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The threads of the transport that a turn has kept to itself. A turn begins there if its method's
 * turns have all been short, and nothing can take it away from there but itself. So it happens
 * seldom: for a time the method's turns begin elsewhere, and for twice as long each time that it
 * happens again. Safe for any number of threads.
 */
final class HeldTransport {
  private static final Logger logger = LoggerFactory.getLogger(HeldTransport.class);

  private final BarredMethods barred;

  /** By the name of the thread. */
  private final ConcurrentMap<String, Turn> turns = new ConcurrentHashMap<>();

  HeldTransport(BarredMethods barred) {
    this.barred = barred;
  }

  /** This turn has run for long. */
  void look(Turn turn) {
    String place = Carriers.placeOf(turn.thread());
    if (place.isEmpty() || Carriers.isOne(place) || turns.put(place, turn) == turn) {
      return;
    }
    LiveObject object = turn.instance().object();
    ObjectMethod method = turn.instance().code().methods().find(turn.method());
    if (method == null) {
      return;
    }
    Duration time = barred.bar(method);
    LogSubject.of(turn)
        .on(object.logEvent(logger, Level.WARN))
        .log(
            "a turn holds the thread {} of the transport, and with it the connections there, until"
                + " it ends; for {} the method's turns run elsewhere",
            place,
            time);
  }

  /** Whether the thread of this name is held by a turn. */
  boolean isHeld(String thread) {
    if (turns.isEmpty()) {
      return false;
    }
    Turn turn = turns.get(thread);
    if (turn == null) {
      return false;
    }
    if (turn.isInside() && Carriers.placeOf(turn.thread()).equals(thread)) {
      return true;
    }
    turns.remove(thread, turn);
    return false;
  }
}
