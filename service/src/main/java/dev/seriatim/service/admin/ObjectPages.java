package dev.seriatim.service.admin;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.ByteString;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StoredObject;
import dev.seriatim.service.storage.StoredView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lays the objects that are live over those that are stored, in one order, page by page. An object
 * that is stored has the place that the store says, and another one that of the name that the host
 * knows. Has no clock and no thread.
 *
 * <p>Live objects are asked for before the store is looked at, and again behind that: what is
 * stored and goes from memory at that moment, or is stored no more and comes to live, is seen by
 * one look or the other.
 */
final class ObjectPages {
  /** The objects that are live. */
  interface Live {
    /** The first {@code limit} behind that place which the filter names, in order. */
    List<ObjectPlace> first(ObjectFilter filter, @Nullable ObjectPlace after, int limit);

    /** Which place the object has now that has had this one; null if it isn't live. */
    @Nullable ObjectPlace now(ObjectPlace place);
  }

  /**
   * An object.
   *
   * @param stored null if it has stored nothing
   */
  record Found(ObjectPlace place, @Nullable StoredObject stored) {}

  /**
   * Some objects, in order.
   *
   * @param through behind which place the next page begins; null if there is none
   */
  record Page(ImmutableList<Found> objects, @Nullable ObjectPlace through) {}

  private final Supplier<StoredView> store;
  private final Live live;

  ObjectPages(Supplier<StoredView> store, Live live) {
    this.store = store;
    this.live = live;
  }

  /** Those that are stored, and those that are live. */
  Page all(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    if (filter.alarm()) {
      return stored(filter, after, limit); // Who has an alarm has stored it.
    }
    List<ObjectPlace> before = live.first(filter, after, limit);
    try (StoredView view = store.get()) {
      StoredView.Page stored = view.objects(filter, after, limit);
      List<ObjectPlace> behind = live.first(filter, after, limit);
      ObjectPlace end = least(stored.through(), least(end(before, limit), end(behind, limit)));
      TreeMap<ObjectPlace, Found> found = new TreeMap<>();
      Set<ByteString> ids = new HashSet<>();
      for (StoredObject object : stored.objects()) {
        ids.add(object.place().id());
        found.put(object.place(), new Found(object.place(), object));
      }
      for (ObjectPlace place : notStored(view, behind, before, ids)) {
        found.put(place, new Found(place, /* stored= */ null));
      }
      return page(found, end, limit);
    }
  }

  private Page stored(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    try (StoredView view = store.get()) {
      StoredView.Page page = view.objects(filter, after, limit);
      return new Page(
          page.objects().stream()
              .map(object -> new Found(object.place(), object))
              .collect(ImmutableList.toImmutableList()),
          page.through());
    }
  }

  /** Those that are live, in the order of the names that the host knows. */
  Page live(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    List<ObjectPlace> places = live.first(filter, after, limit);
    ImmutableList.Builder<Found> found = ImmutableList.builder();
    try (StoredView view = store.get()) {
      Map<ByteString, StoredObject> stored = find(view, places);
      for (ObjectPlace place : places) {
        StoredObject object = stored.get(place.id());
        if (!filter.alarm() || (object != null && object.alarmTime() != null)) {
          found.add(new Found(place, object));
        }
      }
    }
    return new Page(found.build(), end(places, limit));
  }

  /** Those of the live ones that have no row, wherever it would be, each once. */
  private Set<ObjectPlace> notStored(
      StoredView view, List<ObjectPlace> later, List<ObjectPlace> sooner, Set<ByteString> known) {
    Set<ByteString> ids = new HashSet<>(known);
    Set<ObjectPlace> places = new TreeSet<>();
    for (List<ObjectPlace> some : List.of(later, sooner)) {
      for (ObjectPlace place : some) {
        if (ids.add(place.id())) {
          places.add(place);
        }
      }
    }
    Map<ByteString, StoredObject> elsewhere = find(view, places);
    places.removeIf(place -> elsewhere.containsKey(place.id()) || hasMoved(place));
    return places;
  }

  /** The host has learnt its name, which is that of another place. */
  private boolean hasMoved(ObjectPlace place) {
    ObjectPlace now = live.now(place);
    return now != null && !now.equals(place);
  }

  /** By id alone: the ids of two namespaces are never the same. */
  private static Map<ByteString, StoredObject> find(StoredView view, Iterable<ObjectPlace> places) {
    Map<String, List<ByteString>> byNamespace = new TreeMap<>();
    for (ObjectPlace place : places) {
      byNamespace.computeIfAbsent(place.namespace(), n -> new ArrayList<>()).add(place.id());
    }
    Map<ByteString, StoredObject> found = new HashMap<>();
    byNamespace.forEach((namespace, ids) -> found.putAll(view.find(namespace, ids)));
    return found;
  }

  private static Page page(
      NavigableMap<ObjectPlace, Found> found, @Nullable ObjectPlace end, int limit) {
    ImmutableList.Builder<Found> page = ImmutableList.builder();
    int count = 0;
    ObjectPlace last = null;
    for (Found object : found.values()) {
      if (end != null && object.place().compareTo(end) > 0) {
        break; // Others may come before it, which nobody has looked for yet.
      }
      if (count == limit) {
        return new Page(page.build(), last);
      }
      page.add(object);
      last = object.place();
      count++;
    }
    return new Page(page.build(), end);
  }

  /** How far these tell what there is; null if all the way. */
  private static @Nullable ObjectPlace end(List<ObjectPlace> places, int limit) {
    return places.size() < limit ? null : places.getLast();
  }

  private static @Nullable ObjectPlace least(@Nullable ObjectPlace a, @Nullable ObjectPlace b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    return a.compareTo(b) < 0 ? a : b;
  }
}
