package dev.seriatim.stub;

import java.util.Random;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.opentest4j.TestAbortedException;

/**
 * The seeds of random tests: as many as a test usually takes, or {@code -Dseriatim.seeds=N} if that
 * is more; or {@code -Dseriatim.seed=S} alone, to run one again. What fails names its seed.
 *
 * <p>Modules that share no test code have one each, all alike.
 */
final class Seeds {
  private static final @Nullable Long ONLY = Long.getLong("seriatim.seed");
  private static final int LEAST = Integer.getInteger("seriatim.seeds", 0);

  /** A test that does the same whenever its seed is the same, as far as that is up to it. */
  interface Seeded {
    void run(long seed) throws Exception;
  }

  private Seeds() {}

  /** Runs the test with so many seeds, one after the other, until one fails. */
  static void each(int usually, Seeded test) {
    each(LongStream.empty(), usually, test);
  }

  /** The same behind some that are always run. */
  static void each(LongStream always, int usually, Seeded test) {
    LongStream seeds =
        ONLY != null
            ? LongStream.of(ONLY)
            : LongStream.concat(always, new Random().longs(Math.max(usually, LEAST)));
    seeds.forEach(seed -> run(test, seed));
  }

  private static void run(Seeded test, long seed) {
    try {
      test.run(seed);
    } catch (TestAbortedException e) {
      throw e; // What it needs isn't there.
    } catch (Throwable e) {
      String again = "run it again with -Dseriatim.seed=" + seed;
      // Of a test whose time is up JUnit reports nothing else.
      System.out.println(again);
      throw new AssertionError(again + ": " + e.getMessage(), e);
    }
  }
}
