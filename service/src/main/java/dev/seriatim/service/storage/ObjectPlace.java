package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * An object's place in the order in which objects are listed: by namespace, those that have a name
 * before those that have none, by name, by id. All are compared by their bytes.
 *
 * @param name null for none
 * @param id 32 bytes
 */
public record ObjectPlace(String namespace, @Nullable String name, ByteString id)
    implements Comparable<ObjectPlace> {
  private static final Comparator<ObjectPlace> ORDER =
      Comparator.comparing(ObjectPlace::namespace, Keys.ORDER)
          .thenComparing(ObjectPlace::name, Comparator.nullsLast(Keys.ORDER))
          .thenComparing(ObjectPlace::id, ByteString.unsignedLexicographicalComparator());

  @Override
  public int compareTo(ObjectPlace other) {
    return ORDER.compare(this, other);
  }

  /** The id in hexadecimal digits. */
  public String hexId() {
    return new ObjectKey(namespace, id).hexId();
  }
}
