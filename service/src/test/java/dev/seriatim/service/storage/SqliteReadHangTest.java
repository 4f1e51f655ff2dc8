package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Reads from a SQLite file on a disk that hangs: whoever reads is told within the patience, though
 * the thread that is in there can't be called back.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SqliteReadHangTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final int READERS = 3;

  @TempDir private Path directory;
  private final FaultScript faults = new FaultScript();
  private final List<StorageEngine> engines = new ArrayList<>();
  private final List<FaultScript.Hold> holds = new ArrayList<>();

  @AfterEach
  void close() {
    holds.forEach(FaultScript.Hold::release);
    engines.forEach(StorageEngine::close);
  }

  private StorageOptions options() {
    return StorageOptions.sqlite(directory)
        .withStorePatience(Duration.ofSeconds(1))
        .withReadConnections(READERS);
  }

  private StorageEngine opened() {
    StorageEngine engine = StorageEngine.open(options(), faults);
    engines.add(engine);
    return engine;
  }

  /** From now on each read hangs. */
  private FaultScript.Hold hang() {
    FaultScript.Hold hold = faults.holdReads();
    holds.add(hold);
    return hold;
  }

  private static Optional<ByteString> value(TestObject of, String key) {
    return of.query(s -> s.get(key));
  }

  private static StorageException refused(Runnable read) {
    StorageException e = assertThrows(StorageException.class, read::run);
    assertThat(e.isRetryable()).isTrue();
    assertThat(e).hasCauseThat().isInstanceOf(SQLException.class);
    return e;
  }

  @Test
  void aReadThatHangsFailsAndThoseThatComeHangNoMoreThreads() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    TestObject other = new TestObject(engine, "other");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold disk = hang();
    StorageException e = refused(() -> value(object, "unknown"));
    assertThat(e).hasMessageThat().contains("has not answered");
    Wait.until(() -> !engine.isServing(), "the host's saying that it doesn't serve");
    assertThat(engine.figures().away()).isTrue();
    for (int i = 0; i < 100; i++) {
      refused(() -> value(other, "k"));
      refused(() -> other.storage().sessions().counts());
      assertThrows(SQLException.class, () -> engine.nearestAlarms("TEST", AlarmPlace.START, 10));
    }
    assertThat(faults.readsHeld()).isEqualTo(1);
    // What needs no read goes on.
    assertThat(value(object, "k")).hasValue(A);
    object.turn(s -> s.put("l", A));
    assertThat(engine.isServing()).isFalse();
    disk.release();
    Wait.until(engine::isServing, "the host's serving again");
    assertThat(engine.figures().away()).isFalse();
    assertThat(value(other, "k")).isEmpty();
    assertThat(value(object, "unknown")).isEmpty();
  }

  @Test
  void thoseThatWaitForAThreadAreToldToo() throws Exception {
    StorageEngine engine = opened();
    FaultScript.Hold disk = hang();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<StorageException>> all = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        TestObject object = new TestObject(engine, "object " + i);
        all.add(threads.submit(() -> refused(() -> value(object, "k"))));
      }
      for (Future<StorageException> one : all) {
        StorageException _ = Wait.on(one, "the failure of a read");
      }
      assertThat(faults.readsHeld()).isAtMost(READERS);
      disk.release();
    }
    Wait.until(engine::isServing, "the host's serving again");
    assertThat(value(new TestObject(engine, "next"), "k")).isEmpty();
  }

  @Test
  void theDiskIsNotBackForCommitsBeforeItIsForReads() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold reads = hang();
    FaultScript.Hold commits = faults.hold(Faults.Step.AFTER_WRITES);
    holds.add(commits);
    long commit = object.submit(s -> s.put("k", A));
    refused(() -> value(object, "unknown"));
    object.awaitFailure(commit);
    commits.release();
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("m", A)));
    assertThat(engine.isServing()).isFalse();
    reads.release();
    Wait.until(engine::isServing, "the host's serving again");
  }

  @Test
  void alarmsAreReadWhenTheDiskIsBack() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    object.turn(s -> s.setAlarm(Instant.EPOCH));
    FaultScript.Hold disk = hang();
    CountDownLatch offered = new CountDownLatch(1);
    engine.startAlarms(Set.of("TEST"), (_, _, _, _) -> offered.countDown());
    disk.awaitReached();
    Wait.until(() -> !engine.isServing(), "the host's saying that it doesn't serve");
    disk.release();
    Wait.until(engine::isServing, "the host's serving again");
    Wait.on(offered, "the alarm");
  }

  @Test
  void aHostIsClosedInTimeAndLeavesNobodyWaiting() throws Exception {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    FaultScript.Hold disk = hang();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<StorageException> hanging = threads.submit(() -> refused(() -> value(object, "k")));
      disk.awaitReached();
      Future<?> closing = threads.submit(engine::close);
      var _ = Wait.on(closing, "the end of the host");
      StorageException _ = Wait.on(hanging, "the failure of the read");
    }
    engines.clear();
    StorageEngine next = StorageEngine.open(options());
    engines.add(next);
    disk.release();
    assertThat(value(new TestObject(next, "object"), "k")).isEmpty();
  }
}
