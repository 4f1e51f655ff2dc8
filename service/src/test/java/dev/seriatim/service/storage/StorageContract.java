package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.Int64Value;
import com.google.protobuf.StringValue;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What objects may rely on, whatever the store. One subclass for each store. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class StorageContract {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");

  StorageEngine engine;
  TestObject object;

  /** Options for a store that is empty the first time, and the same one after that. */
  abstract StorageOptions options();

  @BeforeEach
  final void open() {
    engine = StorageEngine.open(options());
    object = new TestObject(engine, "object");
  }

  @AfterEach
  final void close() {
    engine.close();
  }

  @Test
  void readsWhatTheTurnWrote() {
    object.turn(
        s -> {
          assertThat(s.get("k")).isEqualTo(Optional.empty());
          s.put("k", A);
          assertThat(s.get("k")).isEqualTo(Optional.of(A));
          s.put("k", B);
          assertThat(s.get("k")).isEqualTo(Optional.of(B));
          assertThat(s.delete("k")).isTrue();
          assertThat(s.delete("k")).isFalse();
          assertThat(s.get("k")).isEqualTo(Optional.empty());
        });
  }

  @Test
  void keepsWhatEarlierTurnsWrote() {
    object.turn(s -> s.put("k", A));
    assertThat(get("k")).isEqualTo(Optional.of(A));
    object.discard();
    assertThat(get("k")).isEqualTo(Optional.of(A));
    object.evict();
    assertThat(get("k")).isEqualTo(Optional.of(A));
    assertThat(get("other")).isEqualTo(Optional.empty());
  }

  @Test
  void keepsAsManyEntriesAsATurnWrites() {
    Map<String, ByteString> expected = new HashMap<>();
    for (int count : new int[] {1, 63, 64, 65, 200}) {
      object.turn(
          s -> {
            for (int i = 0; i < count; i++) {
              String key = "k" + i;
              if (i % 7 == 3) {
                s.delete(key);
                expected.remove(key);
              } else {
                ByteString value = ByteString.copyFromUtf8(count + "/" + i);
                s.put(key, value);
                expected.put(key, value);
              }
            }
          });
      object.evict();
      assertThat(entries()).containsExactlyEntriesIn(expected);
    }
  }

  // ---- the object's name

  private static Optional<String> name(TestObject of) {
    return Optional.ofNullable(of.instance().readName());
  }

  /** Lets go of the object, and opens it by its id. */
  private TestObject againById(TestObject of) {
    of.evict();
    if (!(options().location() instanceof StorageOptions.Memory)) {
      engine.close();
      open();
    }
    return TestObject.byIdOf(engine, "object");
  }

  @Test
  void knowsTheNameThatItWasFirstStoredWith() {
    object.turn(s -> s.put("k", A));
    TestObject byId = againById(object);
    assertThat(name(byId)).isEqualTo(Optional.of("object"));
    assertThat(byId.storage().knownName()).isEqualTo("object");
  }

  @Test
  void learnsTheNameAlsoWhenItIsFirstWritten() {
    object.turn(s -> s.put("k", A));
    TestObject byId = againById(object);
    byId.turn(s -> s.put("k", B));
    assertThat(name(byId)).isEqualTo(Optional.of("object"));
  }

  @Test
  void remembersANameThatCameAfterItWasStored() {
    TestObject byId = TestObject.byIdOf(engine, "object");
    byId.turn(s -> s.put("k", A));
    assertThat(name(byId)).isEqualTo(Optional.empty());
    // While it is live.
    byId.storage().learnName("object");
    assertThat(name(byId)).isEqualTo(Optional.of("object"));
    byId.awaitDurable(byId.storage().pendingCommit());
    assertThat(name(againById(byId))).isEqualTo(Optional.of("object"));
  }

  @Test
  void remembersANameThatCameWithATurnThatOnlyRead() {
    TestObject byId = TestObject.byIdOf(engine, "object");
    byId.turn(s -> s.put("k", A));
    byId.evict();
    TestObject byName = new TestObject(engine, "object");
    assertThat(get(byName, "k")).isEqualTo(Optional.of(A));
    byName.awaitDurable(byName.storage().pendingCommit());
    assertThat(name(againById(byName))).isEqualTo(Optional.of("object"));
  }

  @Test
  void remembersANameThatCameWithATurnThatOnlyWrote() {
    TestObject byId = TestObject.byIdOf(engine, "object");
    byId.turn(s -> s.put("k", A));
    byId.evict();
    TestObject byName = new TestObject(engine, "object");
    byName.turn(s -> s.put("k", B));
    assertThat(name(againById(byName))).isEqualTo(Optional.of("object"));
  }

  @Test
  void remembersANameThatCameBeforeAnythingWasStored() {
    TestObject byId = TestObject.byIdOf(engine, "object");
    assertThat(name(byId)).isEqualTo(Optional.empty());
    byId.storage().learnName("object");
    byId.turn(s -> s.put("k", A));
    TestObject again = againById(byId);
    assertThat(name(again)).isEqualTo(Optional.of("object"));
    // All is gone, and it begins anew.
    again.turn(DurableObjectStorage::deleteAll);
    again.turn(s -> s.put("k", A));
    assertThat(name(againById(again))).isEqualTo(Optional.of("object"));
  }

  @Test
  void keepsObjectsApart() {
    TestObject other = new TestObject(engine, "other");
    TestObject sameIdElsewhere = new TestObject(engine, "ELSEWHERE", "object");
    object.turn(s -> s.put("k", A));
    other.turn(s -> s.put("k", B));
    assertThat(get("k")).isEqualTo(Optional.of(A));
    assertThat(get(other, "k")).isEqualTo(Optional.of(B));
    assertThat(entries(sameIdElsewhere)).isEmpty();
    other.turn(DurableObjectStorage::deleteAll);
    object.evict();
    assertThat(get("k")).isEqualTo(Optional.of(A));
  }

  @Test
  void dropsTheWritesOfATurnThatFails() {
    object.turn(s -> s.put("k", A));
    assertThrows(
        IOFailure.class,
        () ->
            object.turn(
                s -> {
                  s.put("k", B);
                  s.put("l", B);
                  throw new IOFailure();
                }));
    assertThat(entries()).containsExactly("k", A);
  }

  @Test
  void saysWhetherAFailedTurnHadWritten() {
    TurnStorage instance = object.instance();
    instance.beginTurn();
    assertThat(instance.get("k")).isEqualTo(Optional.empty());
    assertThat(instance.delete("k")).isFalse();
    instance.deleteAlarm();
    assertThat(instance.rollback()).isFalse();
    instance.beginTurn();
    instance.put("k", A);
    assertThat(instance.rollback()).isTrue();
    instance.beginTurn();
    instance.setAlarm(Instant.ofEpochSecond(1));
    assertThat(instance.rollback()).isTrue();
    instance.beginTurn();
    instance.deleteAll();
    assertThat(instance.rollback()).isTrue();
    instance.beginTurn();
    assertThrows(
        IOFailure.class,
        () ->
            instance.transaction(
                () -> {
                  instance.put("k", A);
                  throw new IOFailure();
                }));
    assertThat(instance.rollback()).isFalse();
    instance.beginTurn();
    assertThat(instance.rollback()).isFalse();
  }

  @Test
  void getsPutsAndDeletesMany() {
    object.turn(s -> s.put(Map.of("a", A, "b", B, "c", A)));
    object.turn(
        s -> {
          assertThat(s.get(List.of("c", "x", "a"))).containsExactly("a", A, "c", A).inOrder();
          assertThat(s.delete(List.of("a", "x", "b", "a"))).isEqualTo(2);
          assertThat(s.list()).containsExactly("c", A);
        });
    assertThat(entries()).containsExactly("c", A);
  }

  /** More than one statement asks for, after an eviction and between what the turn has written. */
  @Test
  void getsAndDeletesVeryMany() {
    List<String> keys = IntStream.range(0, 300).mapToObj("key %03d"::formatted).toList();
    object.turn(s -> keys.forEach(key -> s.put(key, ByteString.copyFromUtf8(key))));
    object.evict();
    object.turn(
        s -> {
          s.put("key 150", A);
          s.delete("key 151");
          Map<String, ByteString> found = s.get(keys.reversed());
          assertThat(found.keySet())
              .containsExactlyElementsIn(
                  keys.stream().filter(key -> !key.equals("key 151")).toList())
              .inOrder();
          assertThat(found).containsEntry("key 149", ByteString.copyFromUtf8("key 149"));
          assertThat(found).containsEntry("key 150", A);
          assertThat(s.get(keys.subList(290, 300))).hasSize(10);
          assertThat(s.get(List.of())).isEmpty();
        });
    object.evict();
    object.turn(
        s -> {
          assertThat(s.delete(keys.subList(0, 299))).isEqualTo(298);
          s.deleteAll();
          s.put("key 001", B);
          assertThat(s.get(keys)).containsExactly("key 001", B);
        });
    assertThat(entries()).containsExactly("key 001", B);
  }

  @Test
  void storesMessages() {
    object.turn(
        s -> {
          s.put("n", Int64Value.of(7));
          s.putMessages(Map.of("m", Int64Value.of(8), "o", Int64Value.of(9)));
        });
    object.evict();
    object.turn(
        s -> {
          assertThat(s.get("n", Int64Value.getDefaultInstance()).getValue()).isEqualTo(7);
          assertThat(s.get("none", Int64Value.of(3)).getValue()).isEqualTo(3);
          assertThat(s.get("n", Int64Value.parser())).isEqualTo(Optional.of(Int64Value.of(7)));
          assertThat(s.get("none", Int64Value.parser())).isEqualTo(Optional.empty());
          assertThat(s.get(List.of("m", "none", "n"), Int64Value.parser()))
              .containsExactly("m", Int64Value.of(8), "n", Int64Value.of(7))
              .inOrder();
          assertThat(s.list(ListOptions.all().start("n"), Int64Value.parser()))
              .containsExactly("n", Int64Value.of(7), "o", Int64Value.of(9))
              .inOrder();
          assertThat(s.get("n")).isEqualTo(Optional.of(Int64Value.of(7).toByteString()));
          s.put("bad", ByteString.copyFromUtf8("\u0007"));
          StorageException e =
              assertThrows(StorageException.class, () -> s.get("bad", StringValue.parser()));
          assertThat(e).hasMessageThat().contains("'bad'");
        });
  }

  @Test
  void storesEmptyKeysAndValuesAndEveryCharacter() {
    List<String> keys = List.of("", "\0", "a\0b", "'\";--", "\u00fc", "\ue000", "\uffff", "😀");
    object.turn(s -> keys.forEach(k -> s.put(k, ByteString.copyFromUtf8("=" + k))));
    object.turn(s -> s.put("empty", ByteString.EMPTY));
    object.evict();
    object.turn(
        s -> {
          keys.forEach(
              k -> assertThat(s.get(k)).isEqualTo(Optional.of(ByteString.copyFromUtf8("=" + k))));
          assertThat(s.get("empty")).isEqualTo(Optional.of(ByteString.EMPTY));
          assertThat(s.list().keySet())
              .containsExactly(
                  "", "\0", "'\";--", "a\0b", "empty", "\u00fc", "\ue000", "\uffff", "😀")
              .inOrder();
        });
  }

  @Test
  void listsInTheOrderOfBytes() {
    // By char, U+FFFF would come after U+1F600.
    object.turn(s -> s.put(Map.of("😀", A, "\uffff", A, "z", A, "a", A)));
    for (int i = 0; i < 2; i++) {
      assertThat(entries().keySet()).containsExactly("a", "z", "\uffff", "😀").inOrder();
      assertThat(keys(ListOptions.all().reverse()))
          .containsExactly("😀", "\uffff", "z", "a")
          .inOrder();
      assertThat(keys(ListOptions.all().startAfter("z"))).containsExactly("\uffff", "😀").inOrder();
      object.evict();
    }
  }

  @Test
  void listsWithinBounds() {
    object.turn(
        s -> {
          for (String key : List.of("a", "a/1", "a/2", "a/3", "a0", "b", "b/1", "c")) {
            s.put(key, ByteString.copyFromUtf8(key));
          }
        });
    checkBounds();
    object.evict();
    checkBounds();
  }

  private void checkBounds() {
    ListOptions all = ListOptions.all();
    assertThat(keys(all))
        .containsExactly("a", "a/1", "a/2", "a/3", "a0", "b", "b/1", "c")
        .inOrder();
    assertThat(keys(all.prefix("a/"))).containsExactly("a/1", "a/2", "a/3").inOrder();
    assertThat(keys(all.prefix("a/").start("a/2"))).containsExactly("a/2", "a/3").inOrder();
    assertThat(keys(all.prefix("a/").startAfter("a/2"))).containsExactly("a/3");
    assertThat(keys(all.prefix("a/").end("a/3"))).containsExactly("a/1", "a/2").inOrder();
    assertThat(keys(all.prefix("a/").start("0"))).containsExactly("a/1", "a/2", "a/3").inOrder();
    assertThat(keys(all.prefix("a/").end("z"))).containsExactly("a/1", "a/2", "a/3").inOrder();
    assertThat(keys(all.prefix("a/").end("a"))).isEmpty();
    assertThat(keys(all.prefix("a/").start("b"))).isEmpty();
    assertThat(keys(all.start("a/3").end("b/1"))).containsExactly("a/3", "a0", "b").inOrder();
    assertThat(keys(all.start("b").end("b"))).isEmpty();
    assertThat(keys(all.start("c").end("a"))).isEmpty();
    assertThat(keys(all.prefix("a/").reverse())).containsExactly("a/3", "a/2", "a/1").inOrder();
    assertThat(keys(all.prefix("a/").reverse().limit(2))).containsExactly("a/3", "a/2").inOrder();
    assertThat(keys(all.limit(3))).containsExactly("a", "a/1", "a/2").inOrder();
    assertThat(keys(all.startAfter("b").reverse().limit(1))).containsExactly("c");
    assertThat(keys(all.prefix("\uffff"))).isEmpty();
    assertThrows(IllegalArgumentException.class, () -> all.limit(0));
    assertThrows(IllegalArgumentException.class, () -> all.start("a").startAfter("b"));
    assertThrows(IllegalArgumentException.class, () -> keys(all.end("\ud800")));
  }

  private Optional<ByteString> get(String key) {
    return get(object, key);
  }

  private static Optional<ByteString> get(TestObject from, String key) {
    return from.query(s -> s.get(key));
  }

  private Map<String, ByteString> entries() {
    return entries(object);
  }

  private static Map<String, ByteString> entries(TestObject from) {
    return from.query(DurableObjectStorage::list);
  }

  private Optional<Instant> alarm() {
    return object.query(DurableObjectStorage::getAlarm);
  }

  private List<String> keys(ListOptions options) {
    return object.query(s -> List.copyOf(s.list(options).keySet()));
  }

  @Test
  void listsTheTurnsOwnWritesOverThoseBefore() {
    object.turn(s -> s.put(Map.of("a", A, "b", A, "c", A, "d", A)));
    object.turn(
        s -> {
          s.put("b", B);
          s.delete("a");
          s.delete("d");
          s.put("e", B);
          assertThat(s.list()).containsExactly("b", B, "c", A, "e", B).inOrder();
          assertThat(s.list(ListOptions.all().limit(2))).containsExactly("b", B, "c", A).inOrder();
          assertThat(s.list(ListOptions.all().reverse().limit(2)))
              .containsExactly("e", B, "c", A)
              .inOrder();
        });
  }

  @Test
  void deletesEverything() {
    object.turn(
        s -> {
          s.put(Map.of("a", A, "b", A));
          s.setAlarm(Instant.ofEpochSecond(5_000_000_000L));
        });
    object.turn(
        s -> {
          s.deleteAll();
          assertThat(s.list()).isEmpty();
          assertThat(s.get("a")).isEqualTo(Optional.empty());
          assertThat(s.getAlarm()).isEqualTo(Optional.empty());
          s.put("c", B);
          assertThat(s.list()).containsExactly("c", B);
        });
    assertThat(entries()).containsExactly("c", B);
    object.evict();
    assertThat(entries()).containsExactly("c", B);
    assertThat(alarm()).isEqualTo(Optional.empty());
    object.turn(DurableObjectStorage::deleteAll);
    object.evict();
    assertThat(entries()).isEmpty();
    object.turn(s -> s.put("d", A));
    object.evict();
    assertThat(entries()).containsExactly("d", A);
  }

  @Test
  void rollsATransactionBackToWhereItBegan() throws Exception {
    object.turn(s -> s.put("a", A));
    object.turn(
        s -> {
          s.put("b", A);
          assertThat(
                  s.transaction(
                      () -> {
                        s.put("c", A);
                        assertThrows(
                            IOFailure.class,
                            () ->
                                s.transaction(
                                    () -> {
                                      s.put("c", B);
                                      s.delete("a");
                                      s.deleteAll();
                                      s.put("z", B);
                                      s.setAlarm(Instant.ofEpochSecond(9_000_000_000L));
                                      assertThat(s.list()).containsExactly("z", B);
                                      throw new IOFailure();
                                    }));
                        assertThat(s.list()).containsExactly("a", A, "b", A, "c", A).inOrder();
                        assertThat(s.getAlarm()).isEqualTo(Optional.empty());
                        return "result";
                      }))
              .isEqualTo("result");
          assertThrows(
              IOFailure.class,
              () ->
                  s.transaction(
                      () -> {
                        s.transaction(() -> s.put("inner", A));
                        throw new IOFailure();
                      }));
          assertThat(s.list()).containsExactly("a", A, "b", A, "c", A).inOrder();
        });
    assertThat(entries()).containsExactly("a", A, "b", A, "c", A);
    TurnStorage s = object.instance();
    s.beginTurn();
    assertThrows(
        IOException.class,
        () ->
            s.transaction(
                () -> {
                  throw new IOException("checked");
                }));
    assertThat(s.endTurn()).isEqualTo(0);
  }

  @Test
  void aTurnCanNotEndInsideATransaction() {
    TurnStorage s = object.instance();
    s.beginTurn();
    assertThrows(
        IllegalStateException.class,
        () ->
            s.transaction(
                () -> {
                  s.put("a", A);
                  return s.endTurn();
                }));
    assertThat(s.rollback()).isFalse();
    assertThat(entries()).isEmpty();
  }

  @Test
  void refusesKeysAndValuesThatAreTooLong() {
    String longest = "ü".repeat(DurableObjectStorage.MAX_KEY_BYTES / 2);
    ByteString largest = ByteString.copyFrom(new byte[DurableObjectStorage.MAX_VALUE_BYTES]);
    object.turn(s -> s.put(longest, largest));
    object.evict();
    assertThat(get(longest)).isEqualTo(Optional.of(largest));
    object.turn(
        s -> {
          IllegalArgumentException e =
              assertThrows(IllegalArgumentException.class, () -> s.put(longest + "x", A));
          assertThat(e).hasMessageThat().contains("2049 bytes, expected at most 2048");
          e = assertThrows(IllegalArgumentException.class, () -> s.put("k", largest.concat(A)));
          assertThat(e).hasMessageThat().contains("2097153 bytes, expected at most 2097152");
          assertThrows(IllegalArgumentException.class, () -> s.get("\ud800"));
          assertThrows(
              IllegalArgumentException.class, () -> s.put(Map.of("a", A, longest + "x", A)));
          assertThat(s.get("a")).isEqualTo(Optional.empty());
        });
  }

  @Test
  void refusesATurnThatIsTooLarge() {
    StorageEngine small = engine;
    small.close();
    engine = StorageEngine.open(options().withMaxTurnBytes(10_000));
    object = new TestObject(engine, "object");
    object.turn(
        s -> {
          s.put("a", A);
          StorageException e =
              assertThrows(
                  StorageException.class, () -> s.put("b", ByteString.copyFrom(new byte[10_000])));
          assertThat(e).hasMessageThat().contains("maxTurnBytes");
        });
    assertThat(entries()).containsExactly("a", A);
  }

  @Test
  void refusesUseOutsideATurn() {
    TurnStorage s = object.instance();
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> s.put("k", A));
    assertThat(e).hasMessageThat().contains("while a turn is running");
    assertThrows(IllegalStateException.class, () -> s.get("k"));
    s.beginTurn();
    s.put("k", A);
    object.awaitDurable(s.endTurn());
    assertThrows(IllegalStateException.class, () -> s.get("k"));
    assertThrows(IllegalStateException.class, () -> s.put("k", A));
    assertThrows(IllegalStateException.class, s::deleteAll);
    assertThrows(IllegalStateException.class, s::list);
    assertThrows(IllegalStateException.class, s::getAlarm);
    assertThrows(IllegalStateException.class, s::sync);
    assertThrows(IllegalStateException.class, () -> s.setAlarm(Instant.EPOCH));
    assertThrows(IllegalStateException.class, () -> s.transaction(() -> s.get("k")));
    s.beginTurn();
    s.rollback();
    assertThrows(IllegalStateException.class, () -> s.put("k", A));
    assertThat(entries()).containsExactly("k", A);
  }

  @Test
  void aDiscardedInstanceCanDoNothing() {
    TurnStorage old = object.instance();
    old.beginTurn();
    old.put("k", A);
    object.discard();
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> old.get("k"));
    assertThat(e).hasMessageThat().contains("discarded");
    assertThrows(IllegalStateException.class, () -> old.put("k", B));
    assertThrows(IllegalStateException.class, old::endTurn);
    assertThrows(IllegalStateException.class, old::beginTurn);
    assertThat(entries()).isEmpty();
    object.turn(s -> s.put("l", A));
    assertThrows(IllegalStateException.class, old::endTurn);
    assertThat(entries()).containsExactly("l", A);
  }

  @Test
  void turnsBeforeADiscardAreKept() {
    long commit = object.submit(s -> s.put("k", A));
    object.discard();
    assertThat(get("k")).isEqualTo(Optional.of(A));
    object.awaitDurable(commit);
    object.evict();
    assertThat(get("k")).isEqualTo(Optional.of(A));
  }

  @Test
  void canBeUsedFromOtherThreadsOfTheTurn() {
    object.turn(
        s -> {
          List<CompletableFuture<Void>> others = new ArrayList<>();
          for (int i = 0; i < 8; i++) {
            String key = "k" + i;
            others.add(
                CompletableFuture.runAsync(
                    () ->
                        s.transaction(
                            () -> {
                              s.put(key, A);
                              assertThat(s.get(key)).isEqualTo(Optional.of(A));
                            })));
          }
          others.forEach(other -> other.orTimeout(30, TimeUnit.SECONDS).join());
        });
    assertThat(entries()).hasSize(8);
  }

  @Test
  void turnsThatDoNotWriteNeedNotWait() {
    assertThat(object.submit(s -> {})).isEqualTo(0);
    assertThat(object.submit(s -> s.get("k"))).isEqualTo(0);
    object.turn(s -> s.put("k", A));
    assertThat(object.submit(s -> s.get("k"))).isEqualTo(0);
    assertThat(object.storage().pendingCommit()).isEqualTo(0);
  }

  @Test
  void syncWaitsForEarlierTurns() {
    long commit = object.submit(s -> s.put("k", A));
    object.turn(
        s -> {
          s.sync();
          object.awaitDurable(commit);
          s.put("k", B);
          s.sync();
        });
    assertThat(get("k")).isEqualTo(Optional.of(B));
  }

  @Test
  void keepsTheAlarm() {
    Instant time = Instant.ofEpochMilli(4_000_000_000_123L);
    object.turn(
        s -> {
          assertThat(s.getAlarm()).isEqualTo(Optional.empty());
          s.setAlarm(time.plusNanos(1));
          assertThat(s.getAlarm()).isEqualTo(Optional.of(time.plusMillis(1)));
          s.setAlarm(time);
        });
    assertThat(alarm()).isEqualTo(Optional.of(time));
    object.evict();
    assertThat(alarm()).isEqualTo(Optional.of(time));
    object.turn(DurableObjectStorage::deleteAlarm);
    assertThat(alarm()).isEqualTo(Optional.empty());
    object.evict();
    assertThat(alarm()).isEqualTo(Optional.empty());
    assertThrows(IllegalArgumentException.class, () -> object.turn(s -> s.setAlarm(Instant.MAX)));
  }

  @Test
  void thereIsOneInstanceAtATime() {
    object.instance();
    assertThrows(IllegalStateException.class, () -> object.storage().newStorage());
  }

  /** What a handler might throw. */
  static final class IOFailure extends RuntimeException {
    private static final long serialVersionUID = 1;
  }
}
