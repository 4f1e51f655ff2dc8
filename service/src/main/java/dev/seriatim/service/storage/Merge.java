package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Lays newer writes over older entries. */
final class Merge {
  private Merge() {}

  /**
   * The first {@code range.limit()} entries of {@code older} with {@code newer} laid over them.
   * Both must hold only keys of the range, in the range's order; {@code older} may end early if it
   * still holds as many entries as the limit and {@code newer} together.
   */
  static Map<String, ByteString> merge(
      Range range, Map<String, Write> newer, Map<String, ByteString> older) {
    Comparator<String> order = range.reverse() ? Keys.ORDER.reversed() : Keys.ORDER;
    LinkedHashMap<String, ByteString> merged = new LinkedHashMap<>();
    Iterator<Write> news = newer.values().iterator();
    Iterator<Map.Entry<String, ByteString>> olds = older.entrySet().iterator();
    Write write = next(news);
    Map.Entry<String, ByteString> old = next(olds);
    while (merged.size() < range.limit() && (write != null || old != null)) {
      int compared = write == null ? 1 : old == null ? -1 : order.compare(write.key, old.getKey());
      if (compared > 0 && old != null) {
        merged.put(old.getKey(), old.getValue());
        old = next(olds);
      } else if (write != null) {
        if (write.value != null) {
          merged.put(write.key, write.value);
        }
        write = next(news);
        if (compared == 0) {
          old = next(olds);
        }
      }
    }
    return Collections.unmodifiableMap(merged);
  }

  private static <T> @Nullable T next(Iterator<T> iterator) {
    return iterator.hasNext() ? iterator.next() : null;
  }
}
