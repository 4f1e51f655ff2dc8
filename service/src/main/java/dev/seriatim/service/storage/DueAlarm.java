package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** When which object's alarm is due. */
record DueAlarm(ObjectKey key, @Nullable String name, long dueMillis) {
  /** By due time, and in some fixed order among those due at once. */
  static final Comparator<DueAlarm> ORDER = DueAlarm::compare;

  // Written out, for the model checker of the tests can't look into the JDK's own comparators.
  private static int compare(DueAlarm a, DueAlarm b) {
    int order = Long.compare(a.dueMillis, b.dueMillis);
    if (order == 0) {
      order = a.key.namespace().compareTo(b.key.namespace());
    }
    return order == 0
        ? ByteString.unsignedLexicographicalComparator().compare(a.key.id(), b.key.id())
        : order;
  }
}
