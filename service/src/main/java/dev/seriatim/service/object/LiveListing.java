package dev.seriatim.service.object;

import com.google.common.collect.Ordering;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.stub.DurableObjectId;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The live objects of a host, as they are listed. Safe for any number of threads. */
public final class LiveListing {
  private final ObjectDirectory directory;

  /** Those of this directory. */
  public LiveListing(ObjectDirectory directory) {
    this.directory = directory;
  }

  /**
   * The first of them behind that place which the filter names, in order, by the names that are
   * known here. Looks at each live object, which takes some 0.1 s for a million; what comes or goes
   * meanwhile is among them or not.
   */
  public List<ObjectPlace> first(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    Iterator<ObjectPlace> places =
        directory.objects().stream()
            .map(object -> place(object, filter))
            .filter(Objects::nonNull)
            .map(Objects::requireNonNull)
            .filter(place -> after == null || place.compareTo(after) > 0)
            .iterator();
    return Ordering.<ObjectPlace>natural().leastOf(places, limit);
  }

  private static @Nullable ObjectPlace place(LiveObject object, ObjectFilter filter) {
    String namespace = object.namespace().name();
    if (filter.namespace() != null && !filter.namespace().equals(namespace)) {
      return null;
    }
    ObjectPlace place = new ObjectPlace(namespace, object.name(), object.id().toByteString());
    return filter.includes(place) ? place : null;
  }

  /** Which place the object has now that has had this one; null if it isn't live. */
  public @Nullable ObjectPlace now(ObjectPlace place) {
    Namespaces namespaces = directory.namespaces();
    if (!namespaces.names().contains(place.namespace())) {
      return null;
    }
    DurableObjectId id = namespaces.stored(place.namespace(), place.hexId(), null).id();
    LiveObject object = directory.find(id);
    return object == null ? null : new ObjectPlace(place.namespace(), object.name(), place.id());
  }
}
