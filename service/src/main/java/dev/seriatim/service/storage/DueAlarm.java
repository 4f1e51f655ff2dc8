package dev.seriatim.service.storage;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * When which object's alarm is due.
 *
 * @param name the object's name, if it is known
 * @param row the object's row, which no other object of the store has
 */
record DueAlarm(ObjectKey key, @Nullable String name, long dueMillis, long row) {
  /** By due time, and by row among those due at once: the order of the stores' index. */
  static final Comparator<DueAlarm> ORDER = DueAlarm::compare;

  AlarmPlace place() {
    return new AlarmPlace(dueMillis, row);
  }

  boolean isBeyond(AlarmPlace place) {
    return compare(dueMillis, row, place.dueMillis(), place.row()) > 0;
  }

  private static int compare(DueAlarm a, DueAlarm b) {
    return compare(a.dueMillis, a.row, b.dueMillis, b.row);
  }

  // Written out, for the model checker of the tests can't look into the JDK's own comparators.
  private static int compare(long dueA, long rowA, long dueB, long rowB) {
    int order = Long.compare(dueA, dueB);
    return order == 0 ? Long.compare(rowA, rowB) : order;
  }
}
