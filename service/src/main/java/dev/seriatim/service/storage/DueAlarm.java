package dev.seriatim.service.storage;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** When which object's alarm is due. */
record DueAlarm(ObjectKey key, @Nullable String name, long dueMillis) {
  /** By due time, and in some fixed order among those due at once. */
  static final Comparator<DueAlarm> ORDER =
      Comparator.comparingLong(DueAlarm::dueMillis)
          .thenComparing(a -> a.key().namespace())
          .thenComparing(
              a -> a.key().id(),
              com.google.protobuf.ByteString.unsignedLexicographicalComparator());
}
