package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.ByteString;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What those see who look at what is stored, whatever the store. One subclass for each store. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class StoredViewContract {
  private static final Instant DUE = Instant.parse("2035-01-02T00:00:00Z");
  private static final ByteString VALUE = ByteString.copyFromUtf8("value");
  private static final int OPERATIONS = 400;

  /** With all that may be taken for something else: wildcards, cases, what is beyond 16 bits. */
  private static final ImmutableList<String> NAMES =
      ImmutableList.of(
          "a",
          "A",
          "b",
          "%",
          "_",
          "a%",
          "a_",
          "ab",
          "aB",
          "a%b",
          "é",
          "z",
          "\uffee",
          "\uffeex",
          "😀",
          "😀a",
          "a😀",
          "\\",
          "'",
          "a b",
          " ",
          "\u0000",
          "a\u0000b",
          "ß",
          "SS");

  private static final ImmutableList<String> PREFIXES =
      ImmutableList.of("", "a", "A", "%", "_", "a%", "é", "😀", "\uffee", "\\", "\u0000", "q");

  private static final ImmutableList<String> NAMESPACES =
      ImmutableList.of("A", "Ab", "B", "a", "b-c");

  private StorageEngine engine;

  /** Options for a store that is empty, a new one each time. */
  abstract StorageOptions options();

  @BeforeEach
  final void open() {
    // A disk that is busy with others for long isn't away, and no commit is in doubt.
    engine = StorageEngine.open(options().withStorePatience(Duration.ofMinutes(10)));
  }

  @AfterEach
  final void close() {
    engine.close();
  }

  // ---- objects

  @Test
  void pagesAreThoseOfAModel() {
    Seeds.each(
        1,
        seed -> {
          close();
          open();
          comparePages(new Random(seed));
        });
  }

  private void comparePages(Random random) {
    TreeMap<ObjectPlace, Boolean> model = new TreeMap<>();
    Map<ObjectPlace, TestObject> objects = new HashMap<>();
    for (int i = 0; i < OPERATIONS; i++) {
      String namespace = pick(NAMESPACES, random);
      String name = random.nextInt(4) == 0 ? null : pick(NAMES, random);
      DurableObjectId id =
          name == null ? TestObject.IDS.newUniqueId() : TestObject.IDS.fromName(name);
      ObjectPlace place = new ObjectPlace(namespace, name, id.toByteString());
      TestObject object =
          objects.computeIfAbsent(place, p -> new TestObject(engine, namespace, id));
      switch (random.nextInt(4)) {
        case 0 -> {
          object.turn(s -> s.deleteAll());
          model.remove(place);
        }
        case 1 -> {
          object.turn(s -> s.setAlarm(DUE));
          model.put(place, true);
        }
        default -> {
          object.turn(s -> s.put("k", VALUE));
          model.putIfAbsent(place, false);
        }
      }
    }
    try (StoredView view = engine.view()) {
      TreeMap<String, Long> counts = new TreeMap<>();
      model.keySet().forEach(place -> counts.merge(place.namespace(), 1L, Long::sum));
      assertThat(view.countObjects()).isEqualTo(counts);
      assertThat(view.namespaces()).containsExactlyElementsIn(counts.keySet()).inOrder();
    }
    for (String prefix : PREFIXES) {
      String namespace = random.nextBoolean() ? null : pick(NAMESPACES, random);
      for (boolean alarm : new boolean[] {false, true}) {
        ObjectFilter filter = new ObjectFilter(namespace, prefix, alarm);
        List<ObjectPlace> expected = new ArrayList<>();
        model.forEach(
            (place, hasAlarm) -> {
              if (filter.includes(place) && (hasAlarm || !alarm)) {
                expected.add(place);
              }
            });
        assertWithMessage("%s", filter)
            .that(all(filter, 1 + random.nextInt(7)))
            .isEqualTo(expected);
      }
    }
  }

  private List<ObjectPlace> all(ObjectFilter filter, int pageSize) {
    List<ObjectPlace> found = new ArrayList<>();
    ObjectPlace after = null;
    do {
      try (StoredView view = engine.view()) {
        StoredView.Page page = view.objects(filter, after, pageSize);
        assertThat(page.objects().size()).isAtMost(pageSize);
        page.objects().forEach(object -> found.add(object.place()));
        after = page.through();
      }
    } while (after != null);
    return found;
  }

  @Test
  void aPlaceThatIsGoneOrNeverWasIsAPlaceAllTheSame() {
    for (String name : List.of("b", "d", "f")) {
      new TestObject(engine, "N", TestObject.IDS.fromName(name)).turn(s -> s.put("k", VALUE));
    }
    assertThat(namesBehind("", place("N", "c"))).containsExactly("d", "f").inOrder();
    assertThat(namesBehind("d", place("N", "a"))).containsExactly("d");
    assertThat(namesBehind("d", place("N", "e"))).isEmpty();
    assertThat(namesBehind("", place("M", "z"))).containsExactly("b", "d", "f").inOrder();
    assertThat(namesBehind("", place("O", "a"))).isEmpty();
    assertThat(namesBehind("", place("N", null))).isEmpty();
  }

  private static ObjectPlace place(String namespace, @Nullable String name) {
    return new ObjectPlace(namespace, name, TestObject.IDS.fromName("any").toByteString());
  }

  private List<String> namesBehind(String prefix, ObjectPlace after) {
    try (StoredView view = engine.view()) {
      List<String> names = new ArrayList<>();
      view.objects(new ObjectFilter(null, prefix, false), after, 100)
          .objects()
          .forEach(object -> names.add(object.place().name()));
      return names;
    }
  }

  @Test
  void findsOneObject() {
    TestObject named = new TestObject(engine, "N", TestObject.IDS.fromName("é"));
    named.turn(
        s -> {
          s.put("é", VALUE);
          s.put("b", ByteString.EMPTY);
          s.setAlarm(DUE);
        });
    TestObject nameless = new TestObject(engine, "N", TestObject.IDS.newUniqueId());
    nameless.turn(s -> s.put("k", VALUE));
    ByteString id = named.id().toByteString();
    ByteString other = nameless.id().toByteString();
    try (StoredView view = engine.view()) {
      assertThat(view.find("N", id))
          .isEqualTo(
              new StoredObject(
                  new ObjectPlace("N", "é", id), new StoredObject.Alarm(DUE, 0, false)));
      assertThat(view.find("O", id)).isNull();
      assertThat(view.find("N", List.of(id, other, TestObject.IDS.newUniqueId().toByteString())))
          .containsExactly(
              id,
              view.find("N", id),
              other,
              new StoredObject(new ObjectPlace("N", null, other), null));
      assertThat(view.size("N", id)).isEqualTo(new StoredObject.Size(2, 2 + 5 + 1));
      assertThat(view.size("O", id)).isEqualTo(new StoredObject.Size(0, 0));
    }
  }

  @Test
  void findsMoreObjectsThanOneStatementDoes() {
    TreeSet<String> names = new TreeSet<>();
    for (int i = 0; i < 150; i++) {
      names.add("object " + i);
    }
    List<ByteString> ids = new ArrayList<>();
    for (String name : names) {
      ids.add(TestObject.IDS.fromName(name).toByteString());
      new TestObject(engine, "N", TestObject.IDS.fromName(name)).turn(s -> s.put("k", VALUE));
    }
    try (StoredView view = engine.view()) {
      assertThat(view.find("N", ids).keySet()).containsExactlyElementsIn(ids);
    }
  }

  // ---- entries

  @Test
  void entriesAreThoseOfAModel() {
    Seeds.each(1, seed -> compareEntries("o" + seed, new Random(seed)));
  }

  private void compareEntries(String name, Random random) {
    TreeMap<String, ByteString> model = new TreeMap<>(Keys.ORDER);
    for (int i = 0; i < 600; i++) {
      String key = pick(NAMES, random) + (random.nextBoolean() ? "" : random.nextInt(100));
      model.put(key, ByteString.copyFrom(new byte[random.nextInt(200)]));
    }
    TestObject object = new TestObject(engine, "N", TestObject.IDS.fromName(name));
    object.turn(s -> s.put(model));
    for (String prefix : PREFIXES) {
      List<String> expected = new ArrayList<>();
      model.keySet().stream().filter(key -> key.startsWith(prefix)).forEach(expected::add);
      List<String> found = new ArrayList<>();
      String after = null;
      try (StoredView view = engine.view()) {
        boolean more = true;
        while (more) {
          int limit = 1 + random.nextInt(300);
          int bytes = 1 + random.nextInt(20_000);
          StoredView.Entries entries =
              view.entries("N", object.id().toByteString(), prefix, after, limit, bytes);
          long sum = 0;
          for (Map.Entry<String, ByteString> entry : entries.entries().entrySet()) {
            assertThat(entry.getValue()).isEqualTo(model.get(entry.getKey()));
            found.add(entry.getKey());
            sum += ByteString.copyFromUtf8(entry.getKey()).size();
            sum += entry.getValue().size();
            after = entry.getKey();
          }
          more = entries.more();
          int count = entries.entries().size();
          assertWithMessage("entries").that(count).isAtMost(limit);
          if (count > 1) {
            assertWithMessage("bytes").that(sum).isAtMost(bytes);
          }
          assertWithMessage("entries").that(count > 0 || !more).isTrue();
        }
      }
      assertWithMessage("prefix %s", prefix).that(found).isEqualTo(expected);
    }
  }

  @Test
  void whatIsReadInPartsIsOfOneMoment() {
    TestObject object = new TestObject(engine, "N", TestObject.IDS.fromName("o"));
    ByteString id = object.id().toByteString();
    object.turn(
        s -> {
          s.put("a", VALUE);
          s.put("c", VALUE);
        });
    try (StoredView view = engine.view()) {
      view.hold();
      assertThat(view.entries("N", id, "", null, 1, 1_000).entries()).containsExactly("a", VALUE);
      object.turn(
          s -> {
            s.put("b", VALUE);
            s.delete("c");
          });
      StoredView.Entries rest = view.entries("N", id, "", "a", 10, 1_000);
      assertThat(rest.entries()).containsExactly("c", VALUE);
      assertThat(rest.more()).isFalse();
    }
    try (StoredView view = engine.view()) {
      assertThat(view.entries("N", id, "", null, 10, 1_000).entries())
          .containsExactly("a", VALUE, "b", VALUE);
    }
  }

  private static <T> T pick(List<T> from, Random random) {
    return from.get(random.nextInt(from.size()));
  }
}
