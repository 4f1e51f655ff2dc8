package dev.seriatim.service.storage;

import static org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt.forClasses;

import com.google.protobuf.ByteString;
import dev.seriatim.service.ModelChecker;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What lies between a turn and the database, under a model checker, which tries interleavings of a
 * turn thread and a committer: whatever they are, it is as if turns, commits and losses came one
 * after the other. A turn that is lost with a commit before it is begun again, as a client would.
 *
 * <p>The scenarios are chosen, and the checker tries the same interleavings of them each time, so
 * that a failure, which prints both, comes again.
 */
public final class StoredLogRaceTest {
  /** Every read that isn't of something uncommitted goes to the store. */
  public static final class Uncached extends Race {
    public Uncached() {
      super(/* cacheBytes= */ 0);
    }
  }

  /** Reads go to the cache where they can. */
  public static final class Cached extends Race {
    public Cached() {
      super(/* cacheBytes= */ 65_536);
    }
  }

  @Test
  void isLinearizable() {
    check(Uncached.class);
  }

  @Test
  void isLinearizableWithACache() {
    check(Cached.class);
  }

  private static final Actor PUT = actor("put");
  private static final Actor READ = actor("read");
  private static final Actor SESSION = actor("session");
  private static final Actor BREAK = actor("breakSession");
  private static final Actor CLEAR = actor("clear");
  private static final Actor COMMIT = actor("commit");
  private static final Actor LOSE = actor("lose");

  private static Actor actor(String name) {
    for (Method method : Race.class.getMethods()) {
      if (method.getName().equals(name)) {
        return new Actor(method, List.of());
      }
    }
    throw new AssertionError("no method " + name);
  }

  private static ExecutionScenario scenario(
      List<Actor> before, List<Actor> committer, List<Actor> turns, List<Actor> after) {
    return new ExecutionScenario(
        before, List.of(committer, turns), after, /* validationFunction= */ null);
  }

  private static void check(Class<? extends Race> race) {
    ModelChecker.options()
        .iterations(0)
        .invocationsPerIteration(100)
        .addCustomScenario(
            scenario(List.of(PUT), List.of(COMMIT), List.of(PUT), List.of(READ, LOSE, READ)))
        .addCustomScenario(scenario(List.of(PUT), List.of(LOSE), List.of(READ, PUT), List.of(READ)))
        .addCustomScenario(
            scenario(
                List.of(PUT, COMMIT, PUT),
                List.of(COMMIT),
                List.of(CLEAR),
                List.of(READ, LOSE, READ)))
        .addCustomScenario(
            scenario(
                List.of(PUT), List.of(LOSE), List.of(SESSION, BREAK, SESSION), List.of(SESSION)))
        .addCustomScenario(
            scenario(
                List.of(PUT, COMMIT, PUT),
                List.of(COMMIT),
                List.of(SESSION, BREAK),
                List.of(SESSION, LOSE, SESSION)))
        // They are used by one thread at a time, under a lock; what is tried is what lies around
        // them.
        .addGuarantee(
            forClasses(
                    TreeMap.class.getName(),
                    HashMap.class.getName(),
                    LinkedHashMap.class.getName(),
                    MapStore.class.getName(),
                    SessionId.class.getName(),
                    ObjectKey.class.getName())
                .allMethods()
                .treatAsAtomic())
        .check(race);
  }

  /** An object in the hands of a turn thread and a committer. */
  public abstract static class Race {
    private final MapStore store = new MapStore();
    private final StoredLog object;

    // The turn thread's own.
    private @Nullable TurnStorage instance;
    private byte written;

    Race(int cacheBytes) {
      object =
          store.log(
              StorageOptions.memory().withCacheBytesPerObject(cacheBytes),
              "TEST",
              TestObject.IDS.fromName("object"),
              MapStore.DEAF);
    }

    // ---- turns

    /** Writes the next number into two entries, and into a session's row. */
    @Operation(nonParallelGroup = "turns")
    public void put() {
      written++;
      ByteString bytes = ByteString.copyFrom(new byte[] {written});
      turn(
          s -> {
            s.put(Map.of("a", bytes, "b", bytes));
            return "";
          },
          says(written));
    }

    private static SessionWrite says(long completed) {
      return SessionContract.says(SessionContract.SESSION, SessionContract.row(completed));
    }

    /** Writes the next number into the session's row alone. */
    @Operation(nonParallelGroup = "turns")
    public void breakSession() {
      written++;
      long _ = object.sessions().submit(says(written));
    }

    /** What is told of the session. */
    @Operation(nonParallelGroup = "turns")
    public String session() {
      while (true) {
        SessionRow row = object.sessions().read(SessionContract.SESSION);
        try {
          long _ = object.sessions().gate();
          return row == null ? "none" : Long.toString(row.completed());
        } catch (StorageException e) {
          // It is lost. What there is now is told.
        }
      }
    }

    /** Removes everything. */
    @Operation(nonParallelGroup = "turns")
    public void clear() {
      turn(
          s -> {
            s.deleteAll();
            return "";
          },
          null);
    }

    /** What a turn sees in the two entries, which are always the same. */
    @Operation(nonParallelGroup = "turns")
    public String read() {
      return turn(
          s -> {
            String a = text(s.get("a"));
            String b = text(s.get("b"));
            return a.equals(b) ? a : a + " and " + b;
          },
          null);
    }

    private String turn(Function<TurnStorage, String> body, @Nullable SessionWrite session) {
      while (true) {
        TurnStorage s = instance;
        if (s == null || s.refusal() != null) {
          s = object.newStorage();
          instance = s;
        }
        // What a doomed turn has seen counts, too: the object's code has acted on it.
        String seen = "";
        try {
          s.beginTurn();
          seen = body.apply(s);
          if (session == null) {
            s.endTurn();
          } else {
            s.endTurn(List.of(session), /* always= */ false);
          }
          return seen;
        } catch (StorageException e) {
          s.rollback();
          if (seen.contains("and")) {
            return seen;
          }
        }
      }
    }

    private static String text(Optional<ByteString> value) {
      return value.map(bytes -> String.valueOf(bytes.byteAt(0))).orElse("none");
    }

    // ---- the committer

    /** What was submitted becomes durable. */
    @Operation(nonParallelGroup = "commits")
    public void commit() {
      Batch batch = object.take();
      if (batch != null) {
        store.commit(batch);
        object.settle(batch, /* idle= */ false);
      }
    }

    /** What was submitted is lost. */
    @Operation(nonParallelGroup = "commits")
    public void lose() {
      Batch _ = object.take();
      object.fail(new StorageException("out of order"));
    }
  }
}
