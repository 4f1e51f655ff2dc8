package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/**
 * Random turns against a plain map, on every store: reads, writes, nested transactions, throws,
 * sessions, instances that are discarded and evicted, commits that fail at every step, and stores
 * that are closed and opened again.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ModelTest {
  private static final List<String> KEYS =
      List.of("", "a", "a/1", "a/2", "a0", "b", "b\0", "é", "\uffff", "😀", "😀/x", "z");

  private static final List<SessionId> SESSIONS =
      List.of(SessionContract.SESSION, SessionContract.OTHER_SESSION, SessionContract.KEY);

  /** Says a lot about the faults. */
  private static final Logger COMMITTER_LOG =
      ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger(Committer.class);

  @TempDir Path directory;

  @BeforeAll
  static void quiet() {
    COMMITTER_LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void loud() {
    COMMITTER_LOG.setLevel(null);
  }

  enum Store {
    MEMORY,
    SQLITE,
    POSTGRES
  }

  @ParameterizedTest
  @EnumSource
  void agreesWithThePlainMap(Store store) {
    Seeds.each(store == Store.POSTGRES ? 3 : 8, seed -> new Run(seed, options(store, seed)).run());
  }

  private StorageOptions options(Store store, long seed) {
    StorageOptions options =
        switch (store) {
          case MEMORY -> StorageOptions.memory();
          case SQLITE -> StorageOptions.sqlite(directory.resolve("run" + seed));
          case POSTGRES -> StorageOptions.postgres(PostgresServer.shared().newSchema());
        };
    // A disk that is busy with others for long isn't away: the model knows no commit in doubt.
    return options.withStorePatience(Duration.ofMinutes(10));
  }

  /** What an object has stored, according to the model. */
  private record State(
      TreeMap<String, ByteString> entries,
      @Nullable Instant alarm,
      Map<SessionId, SessionRow> sessions) {
    State() {
      this(new TreeMap<>(Keys.ORDER), null, new HashMap<>());
    }

    State copy() {
      return new State(new TreeMap<>(entries), alarm, new HashMap<>(sessions));
    }

    State withAlarm(@Nullable Instant newAlarm) {
      return new State(entries, newAlarm, sessions);
    }

    void say(SessionWrite said) {
      SessionRow row = said.row();
      if (row == null) {
        sessions.remove(said.session());
      } else {
        sessions.put(said.session(), row);
      }
    }
  }

  /** An object, and the model of it. */
  private static final class Modelled {
    final String name;
    TestObject object;
    State state = new State();

    /** The state after each commit, from the last one known to be durable on. */
    final NavigableMap<Long, State> history = new TreeMap<>();

    Modelled(String name, StorageEngine engine) {
      this.name = name;
      reopen(engine);
    }

    /** Everything is settled, and the commits begin at 1 again. */
    @SuppressWarnings("initialization")
    final void reopen(StorageEngine engine) {
      object = new TestObject(engine, name);
      restart();
    }

    void restart() {
      history.clear();
      history.put(0L, state.copy());
    }

    /** The instance was lost: what is durable is the truth. */
    void recover() {
      try {
        object.awaitDurable(history.lastKey());
      } catch (TestObject.CommitLostException e) {
        // As expected.
      }
      object.lossesKnown();
      state = history.floorEntry(object.durable()).getValue().copy();
      history.tailMap(object.durable(), false).clear();
      object.discard();
    }
  }

  /** One run; everything in it follows from the seed, but for where the committer's groups end. */
  private static final class Run {
    private final Random random;
    private final Faults faults;
    private final StorageOptions options;
    private final List<String> log = new ArrayList<>();
    private StorageEngine engine;
    private final List<Modelled> objects = new ArrayList<>();
    private long said;

    Run(long seed, StorageOptions store) {
      this.random = new Random(seed);
      Random faultRandom = new Random(seed);
      this.faults =
          (step, connection) -> {
            if (faultRandom.nextInt(40) == 0) {
              throw new SQLException("a fault at " + step);
            }
          };
      this.options = store.withCacheBytesPerObject(List.of(0, 600, 65_536).get(random.nextInt(3)));
      this.engine = StorageEngine.open(options, faults);
      for (int i = 0; i < 3; i++) {
        objects.add(new Modelled("object " + i, engine));
      }
    }

    void run() {
      try {
        for (int i = 0; i < 400; i++) {
          step();
        }
        for (Modelled each : objects) {
          settle(each);
          check(each);
        }
      } catch (Throwable e) {
        throw new AssertionError(
            "after " + String.join("\n", log.subList(Math.max(0, log.size() - 60), log.size())), e);
      } finally {
        engine.close();
      }
    }

    private void step() {
      Modelled each = objects.get(random.nextInt(objects.size()));
      switch (random.nextInt(40)) {
        case 0 -> reopen();
        case 1 -> {
          log(each, "evict");
          settle(each);
          each.object.evict();
          each.restart();
        }
        case 2 -> {
          log(each, "discard");
          each.object.discard();
        }
        case 3 -> settle(each);
        case 4 -> submitSession(each);
        case 5, 6, 7 -> readSession(each);
        default -> turn(each);
      }
    }

    private void reopen() {
      if (options.location() instanceof StorageOptions.Memory) {
        return;
      }
      log.add("reopen");
      objects.forEach(this::settle);
      engine.close();
      engine = StorageEngine.open(options, faults);
      objects.forEach(each -> each.reopen(engine));
    }

    /**
     * Waits until it is told what became of all that was submitted. The storage knows earlier, and
     * may say that nothing is pending when the test has still to be told of a loss.
     */
    private void settle(Modelled each) {
      log(each, "settle");
      long pending = each.history.lastKey();
      try {
        each.object.awaitDurable(pending);
      } catch (TestObject.CommitLostException e) {
        log(each, "lost " + pending);
      }
      if (isLost(each)) {
        each.recover();
      }
    }

    private void turn(Modelled each) {
      if (isLost(each)) {
        log(each, "recover");
        each.recover();
      }
      State before = each.state.copy();
      TurnStorage s;
      try {
        s = each.object.instance();
        s.beginTurn();
      } catch (StorageException e) {
        log(each, "lost at begin");
        each.recover();
        return;
      }
      if (!each.object.lossless()) {
        log(each, "lost before begin");
        s.rollback();
        each.recover();
        return;
      }
      try {
        boolean wrote = false;
        int operations = random.nextInt(6);
        for (int i = 0; i < operations; i++) {
          wrote |= operation(each, s, 0);
        }
        switch (random.nextInt(10)) {
          case 0 -> {
            log(each, "throw");
            each.state = before;
            boolean rolledBack = s.rollback();
            assertWithMessage("rollback says that it wrote").that(rolledBack).isEqualTo(wrote);
            if (rolledBack) {
              each.object.discard();
            }
          }
          case 1 -> {
            log(each, "cut off");
            each.state = before;
            each.object.discard();
            assertThat(s.refusal()).isNotNull();
          }
          default -> {
            SessionWrite write = random.nextBoolean() ? say() : null;
            boolean always = write != null && random.nextInt(4) == 0;
            long commit = write == null ? s.endTurn() : s.endTurn(List.of(write), always);
            log(each, "end " + commit);
            wrote |= always;
            if (write != null && wrote) {
              each.state.say(write);
            }
            if (commit > each.history.lastKey()) {
              each.history.put(commit, each.state.copy());
            } else if (wrote && !(options.location() instanceof StorageOptions.Memory)) {
              throw new AssertionError("a turn that wrote gave commit " + commit);
            } else if (wrote) {
              each.history.put(0L, each.state.copy());
            }
          }
        }
      } catch (StorageException e) {
        log(each, "lost in turn: " + e.getMessage());
        s.rollback();
        assertWithMessage("a lost instance: %s", e).that(s.refusal()).isNotNull();
        each.state = before;
        each.recover();
      }
    }

    /** Something new of some session, or that it is over. */
    private SessionWrite say() {
      SessionId session = SESSIONS.get(random.nextInt(SESSIONS.size()));
      boolean over = random.nextInt(5) == 0;
      return SessionContract.says(session, over ? null : SessionContract.row(++said));
    }

    /** Without a turn. When all is settled, or it might come before a loss or after it. */
    private void submitSession(Modelled each) {
      settle(each);
      SessionWrite write = say();
      each.state.say(write);
      long commit = each.object.storage().sessions().submit(write);
      log(each, "session " + commit);
      each.history.put(commit, each.state.copy());
    }

    private void readSession(Modelled each) {
      if (isLost(each)) {
        log(each, "recover");
        each.recover();
      }
      SessionId session = SESSIONS.get(random.nextInt(SESSIONS.size()));
      log(each, "read session");
      SessionRow row = each.object.storage().sessions().read(session);
      if (each.object.lossless()) {
        assertThat(row).isEqualTo(each.state.sessions.get(session));
      }
      try {
        long commit = each.object.storage().sessions().gate();
        assertThat(commit).isAtMost(each.history.lastKey() + 1);
        if (commit > each.history.lastKey()) {
          each.history.put(commit, each.state.copy());
        }
      } catch (StorageException e) {
        log(each, "lost in between");
        assertThat(each.object.lossless()).isFalse();
      }
    }

    private static boolean isLost(Modelled each) {
      TurnStorage instance = each.object.currentInstance();
      return (instance != null && instance.refusal() != null) || !each.object.lossless();
    }

    /** One use of storage, with its result compared; says whether it wrote. */
    private boolean operation(Modelled each, DurableObjectStorage s, int depth) {
      String key = KEYS.get(random.nextInt(KEYS.size()));
      TreeMap<String, ByteString> entries = each.state.entries;
      switch (random.nextInt(14)) {
        case 0, 1, 2 -> {
          ByteString value = value();
          log(each, "put " + key);
          s.put(key, value);
          entries.put(key, value);
          return true;
        }
        case 3, 4 -> {
          log(each, "get " + key);
          assertThat(s.get(key)).isEqualTo(Optional.ofNullable(entries.get(key)));
        }
        case 5 -> {
          log(each, "delete " + key);
          boolean existed = entries.remove(key) != null;
          assertThat(s.delete(key)).isEqualTo(existed);
          return existed;
        }
        case 6 -> {
          List<String> keys = someKeys();
          log(each, "delete " + keys);
          int deleted = 0;
          for (String one : keys) {
            deleted += entries.remove(one) != null ? 1 : 0;
          }
          assertThat(s.delete(keys)).isEqualTo(deleted);
          return deleted > 0;
        }
        case 7 -> {
          Map<String, ByteString> some = new HashMap<>();
          someKeys().forEach(one -> some.put(one, value()));
          log(each, "put " + some.keySet());
          s.put(some);
          entries.putAll(some);
          return !some.isEmpty();
        }
        case 8, 9 -> list(each, s);
        case 10 -> {
          if (random.nextInt(3) == 0) {
            log(each, "deleteAll");
            s.deleteAll();
            entries.clear();
            each.state = each.state.withAlarm(null);
            return true;
          }
        }
        case 11 -> {
          return transaction(each, s, depth);
        }
        case 12 -> {
          log(each, "getAlarm");
          assertThat(s.getAlarm()).isEqualTo(Optional.ofNullable(each.state.alarm));
        }
        default -> {
          if (random.nextBoolean()) {
            Instant time = Instant.ofEpochMilli(5_000_000_000_000L + random.nextInt(1000));
            log(each, "setAlarm " + time);
            s.setAlarm(time);
            each.state = each.state.withAlarm(time);
            return true;
          }
          log(each, "deleteAlarm");
          s.deleteAlarm();
          boolean was = each.state.alarm != null;
          each.state = each.state.withAlarm(null);
          return was;
        }
      }
      return false;
    }

    private boolean transaction(Modelled each, DurableObjectStorage s, int depth) {
      if (depth > 2) {
        return false;
      }
      State before = each.state.copy();
      boolean fails = random.nextBoolean();
      boolean[] wrote = {false};
      log(each, "transaction");
      try {
        s.transaction(
            () -> {
              int operations = random.nextInt(4);
              for (int i = 0; i < operations; i++) {
                wrote[0] |= operation(each, s, depth + 1);
              }
              if (fails) {
                throw new StorageContract.IOFailure();
              }
            });
        log(each, "transaction ends");
        return wrote[0];
      } catch (StorageContract.IOFailure e) {
        log(each, "transaction is undone");
        each.state = before;
        return false;
      }
    }

    private void list(Modelled each, DurableObjectStorage s) {
      ListOptions list = ListOptions.all();
      Map<String, ByteString> expected = new LinkedHashMap<>();
      boolean reverse = random.nextBoolean();
      String prefix = random.nextInt(3) == 0 ? KEYS.get(random.nextInt(KEYS.size())) : "";
      String start = random.nextInt(3) == 0 ? KEYS.get(random.nextInt(KEYS.size())) : null;
      boolean exclusive = random.nextBoolean();
      String end = random.nextInt(3) == 0 ? KEYS.get(random.nextInt(KEYS.size())) : null;
      int limit = random.nextInt(3) == 0 ? 1 + random.nextInt(4) : Integer.MAX_VALUE;
      list = list.prefix(prefix).limit(limit);
      if (start != null) {
        list = exclusive ? list.startAfter(start) : list.start(start);
      }
      if (end != null) {
        list = list.end(end);
      }
      if (reverse) {
        list = list.reverse();
      }
      NavigableMap<String, ByteString> entries = each.state.entries;
      for (Map.Entry<String, ByteString> entry :
          (reverse ? entries.descendingMap() : entries).entrySet()) {
        String key = entry.getKey();
        boolean above =
            start == null || Keys.compare(key, start) > 0 || (!exclusive && key.equals(start));
        boolean below = end == null || Keys.compare(key, end) < 0;
        if (key.startsWith(prefix) && above && below && expected.size() < limit) {
          expected.put(key, entry.getValue());
        }
      }
      log(each, "list");
      assertThat(s.list(list)).containsExactlyEntriesIn(expected).inOrder();
    }

    private void check(Modelled each) {
      // Once from memory, and once from the store.
      for (int i = 0; i < 2; i++) {
        TurnStorage s = each.object.instance();
        s.beginTurn();
        assertThat(s.list()).containsExactlyEntriesIn(each.state.entries).inOrder();
        assertThat(s.getAlarm()).isEqualTo(Optional.ofNullable(each.state.alarm));
        s.endTurn();
        for (SessionId session : SESSIONS) {
          assertThat(each.object.storage().sessions().read(session))
              .isEqualTo(each.state.sessions.get(session));
        }
        each.object.evict();
      }
    }

    private List<String> someKeys() {
      List<String> keys = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        keys.add(KEYS.get(random.nextInt(KEYS.size())));
      }
      return keys;
    }

    private ByteString value() {
      byte[] bytes = new byte[random.nextInt(50)];
      random.nextBytes(bytes);
      return ByteString.copyFrom(bytes);
    }

    private void log(Modelled each, String what) {
      log.add(each.name + ": " + what);
    }
  }
}
