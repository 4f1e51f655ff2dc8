package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Throwables;
import dev.seriatim.service.Wait;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Which reads are found to hang, and who is told. On a clock that the test sets, with threads that
 * take as much of the processor as the test says; the watch has no thread here, and looks when the
 * test has it look.
 */
final class ReadWatchTest {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final int READERS = 2;

  private final AtomicLong millis = new AtomicLong();
  private final AtomicLong cpu = new AtomicLong();
  private final List<Boolean> told = new CopyOnWriteArrayList<>();
  private final Semaphore inside = new Semaphore(0);
  private final ReadWatch watch =
      new ReadWatch("a test", PATIENCE, told::add, () -> millis.get() * 1_000_000, _ -> cpu.get());
  private final SqliteReads connections =
      new SqliteReads(() -> DriverManager.getConnection("jdbc:sqlite::memory:"), READERS, PATIENCE);
  private final ReadThreads reads = new ReadThreads(connections, READERS, watch, Faults.NONE);
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();
  private final List<CountDownLatch> disks = new ArrayList<>();

  @AfterEach
  void close() {
    disks.forEach(CountDownLatch::countDown);
    callers.close();
    reads.close();
    connections.close();
  }

  private CountDownLatch disk() {
    CountDownLatch disk = new CountDownLatch(1);
    disks.add(disk);
    return disk;
  }

  /** A read that is in this disk by the time that this returns. */
  private Future<String> reading(CountDownLatch disk) {
    Future<String> read = wanted(disk);
    inside.acquireUninterruptibly();
    return read;
  }

  /** A read that waits for a thread. */
  private Future<String> waiting(CountDownLatch disk) {
    int before = watch.waiting().size();
    Future<String> read = wanted(disk);
    Wait.until(() -> watch.waiting().size() > before, "a read that waits");
    return read;
  }

  private Future<String> wanted(CountDownLatch disk) {
    return callers.submit(
        () ->
            reads.<String>read(
                _ -> {
                  inside.release();
                  Wait.on(disk, "the disk");
                  return "read";
                }));
  }

  private String readAtOnce() throws SQLException {
    return reads.read(_ -> "read");
  }

  private String failing(Throwable thrown) throws SQLException {
    return reads.read(
        _ -> {
          Throwables.throwIfInstanceOf(thrown, SQLException.class);
          Throwables.throwIfUnchecked(thrown);
          throw new AssertionError(thrown);
        });
  }

  /** So much later, the watch looks. */
  private long lookAfter(long more) {
    millis.addAndGet(more);
    Long next = watch.look();
    return next == null ? -1 : next / 1_000_000;
  }

  private static String failure(Future<String> read) {
    Exception e = assertThrows(Exception.class, () -> Wait.on(read, "the failure of a read"));
    Throwable cause = Objects.requireNonNull(e.getCause());
    assertThat(cause).isInstanceOf(SQLException.class);
    return String.valueOf(cause.getMessage());
  }

  @Test
  void oneThatDoesNothingForHalfASecondBeyondThePatienceHangs() throws Exception {
    assertThat(lookAfter(100)).isEqualTo(-1);
    CountDownLatch disk = disk();
    Future<String> read = reading(disk);
    assertThat(lookAfter(0)).isEqualTo(5_100);
    assertThat(lookAfter(4_999)).isEqualTo(5_100);
    assertThat(lookAfter(1)).isEqualTo(5_600);
    assertThat(lookAfter(499)).isEqualTo(5_600);
    assertThat(told).isEmpty();
    assertThat(read.isDone()).isFalse();
    assertThat(lookAfter(1)).isEqualTo(5_620);
    assertThat(told).containsExactly(true);
    assertThat(failure(read)).contains("has not answered for 5500 ms");
  }

  @Test
  void whileOneHangsThoseThatComeTakeNoThread() throws Exception {
    CountDownLatch disk = disk();
    Future<String> hanging = reading(disk);
    assertThat(lookAfter(5_000)).isEqualTo(5_500);
    assertThat(lookAfter(500)).isEqualTo(5_520);
    assertThat(failure(hanging)).contains("has not answered");
    for (int i = 0; i < 100; i++) {
      Throwable e = assertThrows(SQLException.class, this::readAtOnce);
      assertThat(e).hasMessageThat().contains("has not answered");
    }
    disk.countDown();
    Wait.until(() -> told.size() == 2, "the word that the disk is back");
    assertThat(told).containsExactly(true, false).inOrder();
    assertThat(readAtOnce()).isEqualTo("read");
    Wait.until(() -> lookAfter(0) == -1, "that there is nothing to look at");
  }

  @Test
  void oneThatHasMuchToReadDoesNotHang() throws Exception {
    CountDownLatch disk = disk();
    Future<String> read = reading(disk);
    assertThat(lookAfter(5_000)).isEqualTo(5_500);
    for (int i = 1; i <= 20; i++) {
      cpu.incrementAndGet();
      assertThat(lookAfter(500)).isEqualTo(5_500 + i * 500L);
    }
    assertThat(told).isEmpty();
    disk.countDown();
    assertThat(Wait.on(read, "a slow read")).isEqualTo("read");
  }

  @Test
  void theDiskIsBackWhenTheOneThatHangsGoesOn() throws Exception {
    Future<String> hanging = reading(disk());
    assertThat(lookAfter(5_000)).isEqualTo(5_500);
    assertThat(lookAfter(500)).isEqualTo(5_520);
    assertThat(failure(hanging)).contains("has not answered");
    cpu.incrementAndGet();
    assertThat(lookAfter(20)).isEqualTo(6_020);
    assertThat(told).containsExactly(true, false).inOrder();
    // The other thread is there for those that come.
    assertThat(readAtOnce()).isEqualTo("read");
  }

  @Test
  void thoseThatWaitAreToldWithTheOneThatHangs() throws Exception {
    CountDownLatch disk = disk();
    Future<String> first = reading(disk);
    millis.addAndGet(5_100);
    Future<String> second = reading(disk);
    Future<String> third = waiting(disk);
    assertThat(lookAfter(0)).isEqualTo(5_600);
    assertThat(lookAfter(500)).isEqualTo(5_620);
    assertThat(failure(first)).contains("has not answered for 5600 ms");
    assertThat(failure(third)).contains("has not answered");
    // It may be in memory that the system has; it has its own time.
    assertThat(second.isDone()).isFalse();
    disk.countDown();
    assertThat(Wait.on(second, "the second read")).isEqualTo("read");
    Wait.until(() -> told.size() == 2, "the word that the disk is back");
    assertThat(inside.availablePermits()).isEqualTo(0); // The third one has never begun.
  }

  @Test
  void thoseThatWaitForSlowOnesFailByThePatience() throws Exception {
    CountDownLatch disk = disk();
    List<Future<String>> slow = List.of(reading(disk), reading(disk));
    millis.addAndGet(100);
    Future<String> behind = waiting(disk);
    assertThat(lookAfter(4_900)).isEqualTo(5_100);
    cpu.incrementAndGet();
    assertThat(lookAfter(100)).isEqualTo(5_600);
    assertThat(failure(behind)).contains("longer than 5000 ms");
    assertThat(told).isEmpty();
    disk.countDown();
    for (Future<String> each : slow) {
      assertThat(Wait.on(each, "a slow read")).isEqualTo("read");
    }
  }

  @Test
  void whatAReadThrowsIsItsCallers() {
    SQLException corrupt = new SQLException("corrupt");
    Throwable e = assertThrows(SQLException.class, () -> failing(corrupt));
    assertThat(e).isSameInstanceAs(corrupt);
    OutOfMemoryError none = new OutOfMemoryError("none");
    OutOfMemoryError error = assertThrows(OutOfMemoryError.class, () -> failing(none));
    assertThat(error).isSameInstanceAs(none);
    reads.close();
    Throwable closed = assertThrows(SQLException.class, this::readAtOnce);
    assertThat(closed).hasMessageThat().contains("closed");
  }
}
