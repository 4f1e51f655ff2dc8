package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.session.SessionMemory;
import dev.seriatim.service.storage.CommitListener;
import dev.seriatim.service.storage.CommittedByHand;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.SessionId;
import dev.seriatim.service.storage.TurnStorage;
import org.junit.jupiter.api.Test;

/** What is known of idempotency keys without asking the store, and for how long. */
final class StoredSessionsTest {
  private static final SessionId KEY = SessionId.ofKey("a key");

  private final CommittedByHand store = new CommittedByHand(new Deaf());
  private final ObjectLog log = store.log();
  private final SessionMemory memory = new SessionMemory(1_000);
  private final StoredSessions stored =
      new StoredSessions(log, HostLimits.defaults().sessions(), memory);

  private static final class Deaf implements CommitListener {
    @Override
    public void durable(long commit, boolean idle) {}

    @Override
    public void failed(long first, long last, Throwable cause) {}

    @Override
    public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {}
  }

  private void loseACommit() {
    TurnStorage instance = log.newStorage();
    instance.beginTurn();
    instance.put("k", ByteString.EMPTY);
    long _ = instance.endTurn();
    store.lose();
    instance.discard();
  }

  @Test
  void aKeyIsNewUntilItIsMade() {
    assertThat(stored.isNewKey(KEY)).isFalse(); // Nobody has counted them.
    assertThat(stored.key(KEY)).isNull();
    assertThat(stored.isNewKey(KEY)).isTrue();
    stored.requireLooked();
    stored.madeKey(KEY);
    assertThat(stored.isNewKey(KEY)).isFalse();
    assertThat(stored.isNewKey(SessionId.ofKey("another key"))).isTrue();
  }

  @Test
  void whatWasKnownInAnotherLifeIsNotSoAnyMore() {
    assertThat(stored.key(KEY)).isNull();
    assertThat(stored.isNewKey(KEY)).isTrue();
    loseACommit();
    assertThrows(StorageException.class, stored::requireLooked);
    assertThat(stored.isNewKey(KEY)).isFalse();
    assertThat(stored.key(KEY)).isNull();
    stored.requireLooked();
    assertThat(stored.isNewKey(KEY)).isTrue();
  }

  @Test
  void itIsCountedAndWithoutRoomTheStoreIsAsked() {
    assertThat(stored.key(KEY)).isNull();
    stored.madeKey(KEY);
    assertThat(memory.bytes()).isGreaterThan(0L);
    for (int i = 0; i < 1_000; i++) {
      stored.madeKey(SessionId.ofKey("key " + i));
    }
    assertThat(memory.bytes()).isEqualTo(0);
    assertThat(stored.isNewKey(SessionId.ofKey("another key"))).isFalse();
  }

  @Test
  void nothingIsCountedWhenTheObjectGoes() {
    assertThat(stored.key(KEY)).isNull();
    stored.madeKey(KEY);
    stored.retire();
    assertThat(memory.bytes()).isEqualTo(0);
    assertThat(stored.isNewKey(SessionId.ofKey("another key"))).isFalse();
  }
}
