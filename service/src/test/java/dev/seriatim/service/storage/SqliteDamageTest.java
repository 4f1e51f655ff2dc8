package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.Logged;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A file that is damaged in one place, and a disk that is full: who suffers, and how long. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SqliteDamageTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");

  @TempDir Path directory;

  private final FaultScript faults = new FaultScript();

  @Test
  void aDamagedPageIsItsOwnObjectsAlone() throws Exception {
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory))) {
      new TestObject(engine, "good").turn(s -> s.put("k", A));
      // So that nothing else is in the pages of the bad one.
      fill(new TestObject(engine, "before"), "sound ");
      fill(new TestObject(engine, "bad"), "damaged ");
      fill(new TestObject(engine, "behind"), "sound ");
    }
    damagePagesWith("damaged ");
    try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(directory), faults)) {
      TestObject good = new TestObject(engine, "good");
      TestObject bad = new TestObject(engine, "bad");
      TestObject other = new TestObject(engine, "other");
      StorageException unread =
          assertThrows(StorageException.class, () -> bad.submit(s -> s.get("damaged 200")));
      assertThat(unread).hasMessageThat().contains("malformed");
      assertThat(unread.isRetryable()).isFalse();
      bad.discard();

      FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
      TestObject first = new TestObject(engine, "first");
      first.submit(s -> s.put("k", A));
      hold.awaitReached();
      // These are the next group.
      long goodCommit = good.submit(s -> s.put("l", A));
      long badCommit = bad.submit(s -> s.put("damaged 200", A));
      long otherCommit = other.submit(s -> s.put("k", A));
      hold.release();
      good.awaitDurable(goodCommit);
      other.awaitDurable(otherCommit);
      Throwable cause = bad.awaitFailure(badCommit);
      assertThat(cause).hasMessageThat().contains("malformed");
      assertThat(((StorageException) cause).isRetryable()).isFalse();
      good.evict();
      assertThat(CommitContract.entries(good)).containsExactly("k", A, "l", A);
    }
  }

  private static void fill(TestObject object, String keys) {
    object.turn(
        s -> {
          for (int i = 0; i < 400; i++) {
            s.put(keys + i, ByteString.copyFrom(new byte[100]));
          }
        });
  }

  /** Spoils the leaves of the tables that hold this text. */
  private void damagePagesWith(String text) throws IOException {
    Path file = directory.resolve(SqliteStore.FILE);
    byte[] bytes = Files.readAllBytes(file);
    int pageSize = (bytes[16] & 0xff) << 8 | (bytes[17] & 0xff);
    int damaged = 0;
    for (int page = pageSize; page + pageSize <= bytes.length; page += pageSize) {
      boolean leaf = bytes[page] == 0x0a;
      String content = new String(bytes, page, pageSize, ISO_8859_1);
      if (leaf && content.contains(text)) {
        Arrays.fill(bytes, page, page + 8, (byte) 0xff);
        damaged++;
      }
    }
    assertThat(damaged).isAtLeast(3);
    Files.write(file, bytes);
  }

  @Test
  void aHostStartsOnAFullDiskToReadAndWritesAgainWhenThereIsRoom() throws Exception {
    Path disk = mountSmallDisk();
    try (Logged log = Logged.at(StoreNews.class.getName())) {
      Path data = disk.resolve("data");
      try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data))) {
        new TestObject(engine, "object").turn(s -> s.put("k", A));
      }
      Path filling = fill(disk);
      try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data))) {
        TestObject object = new TestObject(engine, "object");
        assertThat(get(object)).isEqualTo(Optional.of(A));
        ByteString large = ByteString.copyFrom(new byte[200_000]);
        for (int i = 0; i < 20; i++) {
          Throwable cause = object.awaitFailure(object.submit(s -> s.put("l", large)));
          assertThat(cause).hasMessageThat().contains("full");
          assertThat(((StorageException) cause).isRetryable()).isTrue();
          object.discard();
        }
        assertThat(get(object)).isEqualTo(Optional.of(A));
        assertThat(log.messages()).hasSize(1);
        assertThat(log.messages().getFirst()).contains("is full");
        Files.delete(filling);
        object.turn(s -> s.put("l", large));
      }
      try (StorageEngine engine = StorageEngine.open(StorageOptions.sqlite(data))) {
        assertThat(CommitContract.entries(new TestObject(engine, "object"))).hasSize(2);
      }
    } finally {
      run("umount", disk.toString());
    }
  }

  private static Optional<ByteString> get(TestObject object) {
    return object.query(s -> s.get("k"));
  }

  /** Skips the test where one may not mount. */
  private Path mountSmallDisk() throws Exception {
    Path disk = Files.createDirectory(directory.resolve("disk"));
    Assumptions.assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk.toString()),
        "no small disk can be mounted here");
    return disk;
  }

  private static boolean run(String... command) throws Exception {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      return process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static Path fill(Path disk) throws IOException {
    Path filling = disk.resolve("filling");
    byte[] page = new byte[4096];
    try (var out = Files.newOutputStream(filling)) {
      while (true) {
        out.write(page);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageThat().contains("No space left");
    }
    return filling;
  }
}
