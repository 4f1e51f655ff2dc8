package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * An instance is lost in the middle of a read. What the read would give then is not what the
 * instance has seen before, and so it must give nothing. The loss comes out of the store itself,
 * while that is read, and so always at the same place.
 */
final class LostReadsTest {
  private static final ByteString OLD = ByteString.copyFromUtf8("old");
  private static final ByteString NEW = ByteString.copyFromUtf8("new");

  private final MapStore store = new MapStore();
  private final StoredLog object =
      store.log(
          StorageOptions.memory().withCacheBytesPerObject(0),
          "TEST",
          TestObject.IDS.fromName("object"),
          MapStore.DEAF);

  @BeforeEach
  void storeSomething() {
    turn(
        s -> {
          s.put(Map.of("a", OLD, "b", OLD));
          s.setAlarm(Instant.ofEpochMilli(1));
        });
    Batch batch = Objects.requireNonNull(object.take());
    store.commit(batch);
    object.settle(batch, /* idle= */ false);
  }

  private void turn(Consumer<DurableObjectStorage> body) {
    TurnStorage instance = object.newStorage();
    instance.beginTurn();
    body.accept(instance);
    instance.endTurn();
    instance.discard();
  }

  enum Read {
    GET,
    GET_SOME,
    DELETE,
    DELETE_SOME,
    LIST,
    LIST_SOME;

    void from(DurableObjectStorage s) {
      Object _ =
          switch (this) {
            case GET -> s.get("a");
            case GET_SOME -> s.get(List.of("a", "b"));
            case DELETE -> s.delete("a");
            case DELETE_SOME -> s.delete(List.of("a", "b"));
            case LIST -> s.list();
            case LIST_SOME -> s.list(ListOptions.all().prefix("a").limit(1));
          };
    }
  }

  @ParameterizedTest
  @EnumSource
  void givesNothingWhenACommitIsLostUnderIt(Read read) {
    TurnStorage instance = object.newStorage();
    instance.beginTurn();
    instance.put("b", NEW);
    instance.endTurn();
    instance.beginTurn();
    store.inNextRead = () -> object.fail(new StorageException("out of order"));
    // Most of all it must not give the old value of b.
    StorageException e = assertThrows(StorageException.class, () -> read.from(instance));
    assertThat(e).hasMessageThat().contains("out of order");
    assertThrows(StorageException.class, instance::endTurn);
    assertThat(instance.rollback()).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void givesNothingWhenAnotherInstanceTakesOver(Read read) {
    TurnStorage instance = object.newStorage();
    instance.beginTurn();
    store.inNextRead =
        () -> {
          instance.discard();
          turn(s -> s.put(Map.of("a", NEW, "b", NEW)));
        };
    assertThrows(IllegalStateException.class, () -> read.from(instance));
  }

  @Test
  void theAlarmLikewise() {
    TurnStorage unread = unreadAlarm();
    assertThrows(StorageException.class, unread::getAlarm);
    TurnStorage undeleted = unreadAlarm();
    assertThrows(StorageException.class, undeleted::deleteAlarm);
    TurnStorage unbegun = unreadAlarm();
    unbegun.rollback();
    assertThrows(StorageException.class, () -> unbegun.beginAlarmTurn(false));
  }

  /** In a turn, with an alarm that is not known yet; the next read of it loses the instance. */
  private TurnStorage unreadAlarm() {
    TurnStorage instance = object.newStorage();
    instance.beginTurn();
    instance.put("b", NEW);
    instance.endTurn();
    object.fail(new StorageException("a loss, for the alarm to be forgotten"));
    TurnStorage next = object.newStorage();
    next.beginTurn();
    next.put("b", NEW);
    next.endTurn();
    next.beginTurn();
    store.inNextRead = () -> object.fail(new StorageException("out of order"));
    return next;
  }
}
