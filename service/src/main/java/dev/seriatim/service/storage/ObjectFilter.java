package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/**
 * Which objects are listed.
 *
 * @param namespace of which namespace; null for all
 * @param namePrefix only those whose names begin so; empty for all, also those without a name
 * @param alarm only those with an alarm that is to run
 */
public record ObjectFilter(@Nullable String namespace, String namePrefix, boolean alarm) {
  /** Whether an object of this place, whatever its alarm, is among them. */
  public boolean includes(ObjectPlace place) {
    String name = place.name();
    return (namespace == null || namespace.equals(place.namespace()))
        && (namePrefix.isEmpty() || (name != null && name.startsWith(namePrefix)));
  }
}
