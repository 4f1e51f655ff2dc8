package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A SQLite file on a disk that hangs: whoever is in there can't be called back. Each turn is told
 * within its host's patience what is certain, and none what isn't.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SqliteHangTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");

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
    return StorageOptions.sqlite(directory).withStorePatience(Duration.ofSeconds(1));
  }

  private StorageEngine opened() {
    StorageEngine engine = StorageEngine.open(options(), faults);
    engines.add(engine);
    return engine;
  }

  /** The next commit hangs there. */
  private FaultScript.Hold hang(Faults.Step step) {
    FaultScript.Hold hold = faults.hold(step);
    holds.add(hold);
    return hold;
  }

  private static void checkStored(TestObject of, Map<String, ByteString> entries) {
    TestObject.untilItSucceeds(of::evict);
    TestObject.untilItSucceeds(
        () -> assertThat(CommitContract.entries(of)).containsExactlyEntriesIn(entries));
  }

  @Test
  void aCommitThatDoesNotComeBackIsInDoubtUntilItDoes() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    TestObject other = new TestObject(engine, "other");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold disk = hang(Faults.Step.AFTER_COMMIT);
    long commit = object.submit(s -> s.put("k", B));
    disk.awaitReached();
    long top = object.submit(s -> s.put("l", B));
    long behind = other.submit(s -> s.put("k", B));
    assertThat(object.awaitDoubt(commit)).hasMessageThat().contains("has not said");
    object.awaitFailure(top);
    other.awaitFailure(behind);
    Wait.until(() -> !engine.isServing(), "the host's saying that it doesn't serve");
    assertThat(engine.figures().away()).isTrue();
    assertThat(engine.figures().inDoubt()).isEqualTo(1);
    // Nobody may see what it was like before, or build on it; and it doesn't take long to say so.
    StorageException e =
        assertThrows(StorageException.class, () -> object.submit(s -> s.put("l", A)));
    assertThat(e).hasMessageThat().contains("has not said");
    assertThat(e.isRetryable()).isTrue();
    for (int i = 0; i < 100; i++) {
      other.awaitFailure(other.submit(s -> s.put("k", A)));
    }
    disk.release();
    Wait.until(engine::isServing, "the host's serving again");
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("m", A)));
    checkStored(object, Map.of("k", B, "m", A));
    checkStored(other, Map.of());
    assertThat(engine.figures().away()).isFalse();
    assertThat(engine.figures().inDoubt()).isEqualTo(0);
  }

  @Test
  void whatWasNotSentIsLostForCertain() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold disk = hang(Faults.Step.AFTER_WRITES);
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          throw new AssertionError("committed, though it was told that it is lost");
        });
    object.awaitFailure(object.submit(s -> s.put("k", B)));
    Wait.until(() -> !engine.isServing(), "the host's saying that it doesn't serve");
    disk.release();
    Wait.until(engine::isServing, "the host's serving again");
    faults.once(Faults.Step.AFTER_COMMIT, (_, _) -> {});
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("l", A)));
    checkStored(object, Map.of("k", A, "l", A));
  }

  @Test
  void whatCannotBeOpenedIsLostForCertain() {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    FaultScript.Hold disk = hang(Faults.Step.BEFORE_BEGIN);
    object.awaitFailure(object.submit(s -> s.put("k", A)));
    disk.release();
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("l", A)));
    checkStored(object, Map.of("l", A));
  }

  @Test
  void aHostIsClosedInTimeAndKeepsTheDirectoryUntilTheDiskIsBack() throws Exception {
    StorageEngine engine = opened();
    TestObject object = new TestObject(engine, "object");
    FaultScript.Hold disk = hang(Faults.Step.AFTER_COMMIT);
    long commit = object.submit(s -> s.put("k", A));
    disk.awaitReached();
    CountDownLatch closed = new CountDownLatch(1);
    Thread.startVirtualThread(
        () -> {
          engine.close();
          closed.countDown();
        });
    Wait.on(closed, "the end of the host");
    object.awaitDoubt(commit);
    engines.clear();
    StorageEngine next = StorageEngine.openAtOnce(options());
    engines.add(next);
    assertThat(next.isServing()).isFalse();
    disk.release();
    Wait.until(next::isServing, "the next host's serving");
    checkStored(new TestObject(next, "object"), Map.of("k", A));
  }

  @Test
  void readsThatWaitForThoseThatHangAreToldInTime() throws Exception {
    SqliteReads reads =
        new SqliteReads(
            () -> DriverManager.getConnection("jdbc:sqlite::memory:"), 2, Duration.ofSeconds(1));
    CountDownLatch inside = new CountDownLatch(2);
    CountDownLatch disk = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newThreadPerTaskExecutor(Thread::new)) {
      List<Future<String>> hanging = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        hanging.add(
            threads.submit(
                () ->
                    reads.read(
                        _ -> {
                          inside.countDown();
                          Wait.on(disk, "the disk");
                          return "read";
                        })));
      }
      Wait.on(inside, "two reads that hang");
      for (int i = 0; i < 40; i++) {
        // Each for itself would take a second.
        assertThrows(SQLException.class, () -> reads.read(_ -> "read"));
      }
      disk.countDown();
      for (Future<String> one : hanging) {
        assertThat(Wait.on(one, "a read that hung")).isEqualTo("read");
      }
      assertThat(reads.<String>read(_ -> "read")).isEqualTo("read");
    }
    reads.close();
  }

  @Test
  void looksThatWaitForThoseThatHangAreToldInTime() {
    StorageEngine engine = opened();
    List<StoredView> hanging = new ArrayList<>();
    try {
      for (int i = 0; i < 2; i++) {
        hanging.add(engine.view());
      }
      StorageException e = assertThrows(StorageException.class, () -> engine.view().close());
      assertThat(e).hasMessageThat().contains("longer than 1000 ms");
    } finally {
      hanging.forEach(StoredView::close);
    }
    engine.view().close();
  }
}
