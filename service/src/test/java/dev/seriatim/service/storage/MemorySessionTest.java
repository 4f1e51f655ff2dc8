package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.StorageOptions;
import java.sql.SQLException;
import java.time.Duration;
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
    assertThat(object.storage().readSession(SESSION)).isEqualTo(row(1));
    assertThat(said.asked.get()).isEqualTo(1);
  }

  @Test
  void expiredRowsAreSweptAndNoOthers() throws SQLException {
    object.awaitDurable(write(object, 1));
    other.awaitDurable(write(other, 1));
    object.awaitDurable(object.storage().submitSession(says(KEY, keyRow())));
    clock.advance(Duration.ofMinutes(12));
    assertThat(((MemoryEngine) engine).sessions().size()).isEqualTo(3);
    assertThat(engine.sweepSessions(SweepPace.MOST)).isEqualTo(0);
    assertThat(((MemoryEngine) engine).sessions().size()).isEqualTo(1);
    assertThat(object.storage().readSession(KEY)).isEqualTo(keyRow());
  }
}
