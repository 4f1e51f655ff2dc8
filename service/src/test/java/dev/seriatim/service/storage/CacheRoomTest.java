package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Who has the room that the values of all objects share, and who gives way. */
final class CacheRoomTest {
  private static final ByteString VALUE = ByteString.copyFrom(new byte[900]);

  /** For some sixteen of these values. */
  private static final int ROOM = 16 << 10;

  private final MapStore store = new MapStore();
  private final CommittingEngine engine =
      new CommittingEngine(
          StorageOptions.memory().withCacheBytes(ROOM).withCacheBytesPerObject(4 << 10),
          store,
          Faults.NONE);

  /** An object of this store, with the test for its turn thread and its committer. */
  private final class Cached {
    final StoredLog log;
    final TurnStorage turns;

    Cached(String name) {
      log = (StoredLog) engine.log("TEST", TestObject.IDS.fromName(name), MapStore.DEAF);
      turns = log.newStorage();
    }

    void write(String key, ByteString value) {
      turns.beginTurn();
      turns.put(key, value);
      turns.endTurn();
      Batch batch = log.take();
      if (batch != null) {
        store.commit(batch);
        log.settle(batch, /* idle= */ false);
      }
    }

    Optional<ByteString> read(String key) {
      turns.beginTurn();
      Optional<ByteString> value = turns.get(key);
      turns.endTurn();
      return value;
    }

    /** Whether a read of this key finds it in the cache. */
    boolean has(String key) {
      int before = store.reads.get();
      Optional<ByteString> _ = read(key);
      return store.reads.get() == before;
    }

    void close() {
      turns.discard();
      log.close();
    }
  }

  /** So many objects that have written a value each, and rest. */
  private List<Cached> idle(int objects) {
    List<Cached> idle = new ArrayList<>();
    for (int i = 0; i < objects; i++) {
      Cached object = new Cached("idle " + i);
      object.write("k", VALUE);
      idle.add(object);
    }
    return idle;
  }

  @Test
  void manyKeysAreAskedForAtOnceAndThenKnown() {
    Cached object = new Cached("object");
    object.write("b", VALUE);
    object.turns.discard();
    object.log.close();
    Cached again = new Cached("object");
    List<String> keys = List.of("a", "b", "c");
    again.turns.beginTurn();
    assertThat(again.turns.get(keys)).containsExactly("b", VALUE);
    assertWithMessage("reads of the store").that(store.reads.get()).isEqualTo(1);
    assertThat(again.turns.get(keys)).containsExactly("b", VALUE);
    assertThat(again.turns.get(List.of("c", "d"))).isEmpty();
    assertWithMessage("reads of the store").that(store.reads.get()).isEqualTo(2);
    again.turns.endTurn();
  }

  @Test
  void idleObjectsGiveWayToOneThatComesLater() {
    List<Cached> idle = idle(100);
    Cached active = new Cached("active");
    active.write("k", VALUE);
    assertThat(active.has("k")).isTrue();
    active.write("l", VALUE);
    assertThat(active.has("l")).isTrue();
    assertThat(active.has("k")).isTrue();
    // What was only read is kept, too.
    assertThat(active.has("no such key")).isFalse();
    assertThat(active.has("no such key")).isTrue();
    assertThat(engine.cacheRoom().used()).isAtMost(ROOM);
    assertThat(idle.getFirst().has("k")).isFalse();
  }

  @Test
  void anObjectThatIsUsedStaysWhileIdleOnesComeAndGo() {
    Cached active = new Cached("active");
    active.write("k", VALUE);
    for (int i = 0; i < 200; i++) {
      new Cached("other " + i).write("k", VALUE);
      assertWithMessage("the value behind %s others", i).that(active.has("k")).isTrue();
    }
    assertThat(engine.cacheRoom().used()).isAtMost(ROOM);
  }

  @Test
  void objectsThatAreForgottenLeaveNothingBehind() {
    for (int round = 0; round < 3; round++) {
      idle(100).forEach(Cached::close);
      assertThat(engine.cacheRoom().used()).isEqualTo(0);
      assertThat(engine.cacheRoom().size()).isEqualTo(0);
    }
  }

  @Test
  void aValueThatIsLargerThanTheRoomIsNotKept() {
    CommittingEngine narrow =
        new CommittingEngine(StorageOptions.memory().withCacheBytes(100), store, Faults.NONE);
    StoredLog log = (StoredLog) narrow.log("TEST", TestObject.IDS.fromName("n"), MapStore.DEAF);
    TurnStorage turns = log.newStorage();
    turns.beginTurn();
    assertThat(turns.get("k")).isEqualTo(Optional.empty());
    turns.endTurn();
    assertThat(narrow.cacheRoom().used()).isEqualTo(0);
    assertThat(narrow.cacheRoom().size()).isEqualTo(0);
  }

  @Test
  void manyThreadsHaveTheirObjectsGiveWayToEachOther() {
    Seeds.each(1, this::giveWay);
  }

  private void giveWay(long seed) {
    int threads = 4;
    CountDownLatch done = new CountDownLatch(threads);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    for (int t = 0; t < threads; t++) {
      int thread = t;
      Thread.ofPlatform()
          .start(
              () -> {
                try {
                  play(new Random(seed + thread), thread);
                } catch (Throwable e) {
                  failure.set(e);
                }
                done.countDown();
              });
    }
    Wait.on(done, "the end of all threads");
    assertThat(failure.get()).isNull();
    assertThat(engine.cacheRoom().used()).isEqualTo(0);
    assertThat(engine.cacheRoom().size()).isEqualTo(0);
  }

  /** One thread's objects: what each of them reads is what it has written last. */
  private void play(Random random, int thread) {
    List<Cached> objects = new ArrayList<>();
    List<ByteString> values = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      objects.add(new Cached("object " + i + " of thread " + thread));
      values.add(ByteString.EMPTY);
      objects.get(i).write("k", ByteString.EMPTY);
    }
    for (int step = 0; step < 3_000; step++) {
      int i = random.nextInt(objects.size());
      if (random.nextInt(3) == 0) {
        values.set(i, ByteString.copyFrom(new byte[random.nextInt(3_000)]));
        objects.get(i).write("k", values.get(i));
      } else {
        assertThat(objects.get(i).read("k").orElseThrow()).isEqualTo(values.get(i));
      }
    }
    objects.forEach(Cached::close);
  }
}
