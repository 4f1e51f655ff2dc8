package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.StorageOptions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Sessions, kept in the heap. */
final class MemorySessionTest extends SessionContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }

  @Override
  void pass(Duration time) {
    clock.advance(time);
  }

  @Test
  void theRowIsAskedForAtOnceAndOnce() {
    Said said = says(SESSION, row(1));
    assertThat(object.submit(s -> s.put("k", A), said, false)).isEqualTo(0);
    assertThat(said.asked.get()).isEqualTo(1);
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(said.asked.get()).isEqualTo(1);
  }

  @Test
  void theRowIsAskedForWithoutALock() {
    ObjectLog log = object.storage();
    List<Boolean> held = new ArrayList<>();
    SessionWrite asks =
        new SessionWrite() {
          @Override
          public SessionId session() {
            return SESSION;
          }

          @Override
          public SessionRow row() {
            held.add(Thread.holdsLock(log));
            return SessionContract.row(1);
          }
        };
    object.awaitDurable(object.submit(s -> s.put("k", A), asks, false));
    object.awaitDurable(log.sessions().submit(asks));
    assertThat(held).containsExactly(false, false);
  }

  @Test
  void expiredRowsAreSweptAndNoOthers() throws SQLException {
    object.awaitDurable(write(object, 1));
    other.awaitDurable(write(other, 1));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, keyRow())));
    clock.advance(Duration.ofMinutes(12));
    assertThat(((MemoryEngine) engine).sessions().size()).isEqualTo(3);
    assertThat(engine.sweepSessions(SweepPace.MOST)).isEqualTo(0);
    assertThat(((MemoryEngine) engine).sessions().size()).isEqualTo(1);
    assertThat(object.storage().sessions().read(KEY)).isEqualTo(keyRow());
  }
}
