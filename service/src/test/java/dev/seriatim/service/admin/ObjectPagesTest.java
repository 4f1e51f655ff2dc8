package dev.seriatim.service.admin;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSortedMap;
import com.google.protobuf.ByteString;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StoredObject;
import dev.seriatim.service.storage.StoredView;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Pages over objects that come and go, are stored and forgotten, wake and go from memory, at every
 * moment at which a page looks at something.
 */
final class ObjectPagesTest {
  private static final int OBJECTS = 30;

  @Test
  void anObjectThatIsThereAllTheTimeStandsOnOnePageInOrder() {
    Seeds.each(1_000, seed -> new World(seed).check());
  }

  /** An object, as it is. */
  private static final class Thing {
    final String namespace;
    final @Nullable String name;
    final ByteString id;
    boolean isStored;
    boolean isLive;

    /** Whether the host knows what it is called. */
    boolean isNameKnown;

    Thing(String namespace, @Nullable String name, int number) {
      this.namespace = namespace;
      this.name = name;
      // In another order than the names.
      this.id = ByteString.copyFrom(new byte[] {(byte) (number * 89), (byte) number});
    }

    boolean isThere() {
      return isStored || isLive;
    }

    ObjectPlace place(boolean named) {
      return new ObjectPlace(namespace, named ? name : null, id);
    }
  }

  private static final class World implements ObjectPages.Live {
    private final Random random;
    private final List<Thing> things = new ArrayList<>();
    private final Set<Thing> allTheTime = new HashSet<>();
    private final int pace;

    /** What has changed since the page was begun. A page takes no longer than a turn. */
    private final Set<Thing> changed = new HashSet<>();

    World(long seed) {
      this.random = new Random(seed);
      this.pace = random.nextInt(8);
      for (int i = 0; i < OBJECTS; i++) {
        String name = random.nextInt(3) == 0 ? null : "name " + random.nextInt(1_000) + "." + i;
        Thing thing = new Thing("N" + random.nextInt(3), name, i);
        things.add(thing);
        change(thing);
        change(thing);
      }
    }

    void check() {
      things.stream().filter(Thing::isThere).forEach(allTheTime::add);
      ObjectPages pages = new ObjectPages(View::new, this);
      int limit = 1 + random.nextInt(6);
      ObjectFilter filter =
          new ObjectFilter(
              random.nextInt(3) == 0 ? "N1" : null,
              random.nextInt(3) == 0 ? "name 1" : "",
              /* alarm= */ false);
      List<ObjectPlace> found = new ArrayList<>();
      ObjectPlace after = null;
      do {
        changed.clear();
        ObjectPages.Page page = pages.all(filter, after, limit);
        ObjectPlace through = page.through();
        for (ObjectPages.Found object : page.objects()) {
          found.add(object.place());
          assertWithMessage("through %s has %s", through, object.place())
              .that(through == null || object.place().compareTo(through) <= 0)
              .isTrue();
        }
        assertWithMessage("objects of a page").that(page.objects().size()).isAtMost(limit);
        assertWithMessage("%s is behind %s", through, after)
            .that(through == null || after == null || through.compareTo(after) > 0)
            .isTrue();
        after = through;
      } while (after != null);
      assertThat(found).isInStrictOrder();
      List<ByteString> ids = found.stream().map(ObjectPlace::id).toList();
      assertThat(ids).containsNoDuplicates();
      for (Thing thing : allTheTime) {
        if (filter.includes(thing.place(/* named= */ true))) {
          assertWithMessage("%s", found).that(ids).contains(thing.id);
        }
      }
    }

    /** What happens while nobody looks. */
    private void goOn() {
      for (int i = random.nextInt(pace + 1); i > 0; i--) {
        Thing thing = things.get(random.nextInt(OBJECTS));
        if (changed.add(thing)) {
          change(thing);
        }
      }
      allTheTime.removeIf(thing -> !thing.isThere());
    }

    private void change(Thing thing) {
      if (!thing.isLive) {
        thing.isLive = random.nextInt(3) > 0;
        // Who opens it by id doesn't say its name; the store does, as soon as it is asked. Whoever
        // isn't stored has no name then, and none as long as it lives.
        thing.isNameKnown = thing.isStored ? random.nextBoolean() : true;
      } else if (random.nextBoolean()) {
        thing.isStored = !thing.isStored;
        thing.isNameKnown = true;
      } else if (thing.isStored || random.nextInt(4) == 0) {
        thing.isLive = false;
      }
    }

    @Override
    public List<ObjectPlace> first(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
      goOn();
      List<ObjectPlace> places =
          things.stream()
              .filter(thing -> thing.isLive)
              .map(thing -> thing.place(thing.isNameKnown))
              .filter(filter::includes)
              .filter(place -> after == null || place.compareTo(after) > 0)
              .sorted()
              .limit(limit)
              .toList();
      goOn();
      return places;
    }

    @Override
    public @Nullable ObjectPlace now(ObjectPlace place) {
      return things.stream()
          .filter(thing -> thing.id.equals(place.id()) && thing.isLive)
          .map(thing -> thing.place(thing.isNameKnown))
          .findFirst()
          .orElse(null);
    }

    /** What is stored when it is made. */
    private final class View implements StoredView {
      private final TreeMap<ObjectPlace, StoredObject> stored = new TreeMap<>();

      View() {
        goOn();
        for (Thing thing : things) {
          if (thing.isStored) {
            ObjectPlace place = thing.place(/* named= */ true);
            stored.put(place, new StoredObject(place, /* alarm= */ null));
          }
        }
        goOn();
      }

      @Override
      public Page objects(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
        ImmutableList<StoredObject> found =
            stored.values().stream()
                .filter(object -> filter.includes(object.place()))
                .filter(object -> after == null || object.place().compareTo(after) > 0)
                .limit(limit)
                .collect(ImmutableList.toImmutableList());
        return new Page(found, found.size() < limit ? null : found.getLast().place());
      }

      @Override
      public ImmutableMap<ByteString, StoredObject> find(
          String namespace, Collection<ByteString> ids) {
        return stored.values().stream()
            .filter(object -> object.place().namespace().equals(namespace))
            .filter(object -> ids.contains(object.place().id()))
            .collect(ImmutableMap.toImmutableMap(object -> object.place().id(), object -> object));
      }

      @Override
      public ImmutableList<String> namespaces() {
        throw new UnsupportedOperationException();
      }

      @Override
      public ImmutableSortedMap<String, Long> countObjects() {
        throw new UnsupportedOperationException();
      }

      @Override
      public StoredObject.Size size(String namespace, ByteString id) {
        throw new UnsupportedOperationException();
      }

      @Override
      public Entries entries(
          String namespace,
          ByteString id,
          String prefix,
          @Nullable String after,
          int limit,
          long maxBytes) {
        throw new UnsupportedOperationException();
      }

      @Override
      public void hold() {}

      @Override
      public void close() {
        goOn();
      }
    }
  }
}
