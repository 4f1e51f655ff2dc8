package dev.seriatim.service.object;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.Maps;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** A counter for each value of an enum. The maps are never changed, but for what is counted. */
final class Counters {
  private Counters() {}

  static <E extends Enum<E>> Map<E, LongAdder> of(Class<E> values) {
    EnumMap<E, LongAdder> made = new EnumMap<>(values);
    for (E value : values.getEnumConstants()) {
      made.put(value, new LongAdder());
    }
    return made;
  }

  @SuppressWarnings("NullAway") // There is one for each.
  static <E extends Enum<E>> LongAdder get(Map<E, LongAdder> counters, E value) {
    return counters.get(value);
  }

  static <E extends Enum<E>> ImmutableMap<String, Long> readNames(Map<E, LongAdder> counters) {
    ImmutableMap.Builder<String, Long> read = ImmutableMap.builder();
    counters.forEach((value, count) -> read.put(value.name(), count.sum()));
    return read.buildOrThrow();
  }

  static <E extends Enum<E>> ImmutableMap<E, Long> read(Map<E, LongAdder> counters) {
    return ImmutableMap.copyOf(Maps.transformValues(counters, LongAdder::sum));
  }
}
