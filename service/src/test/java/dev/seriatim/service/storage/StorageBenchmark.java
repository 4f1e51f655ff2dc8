package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectIds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.sqlite.SQLiteConfig;

/**
 * Measures durable writes per second through the engine, beside a bare SQLite group commit of the
 * same rows. Not a test: run {@code main} by hand. Arguments: seconds for each measurement, and a
 * PostgreSQL URL if that is to be measured too.
 */
public final class StorageBenchmark {
  private static final int IN_FLIGHT = 4096;
  private static final int OBJECTS = 1024;

  private StorageBenchmark() {}

  /** Prints one line for each measurement. */
  public static void main(String[] args) throws Exception {
    double seconds = args.length > 0 ? Double.parseDouble(args[0]) : 5;
    Path directory = Files.createTempDirectory(Path.of("."), "storage-benchmark");
    try {
      for (int round = 0; round < 2; round++) {
        report("bare SQLite, one key", bare(directory.resolve("bare-" + round), 1, seconds));
        report("bare SQLite, 4096 keys", bare(directory.resolve("keys-" + round), 4096, seconds));
        try (StorageEngine engine =
            StorageEngine.open(StorageOptions.sqlite(directory.resolve("e" + round)))) {
          report("engine, one object, one key", oneObject(engine, 1, seconds));
          report("engine, one object, 4096 keys", oneObject(engine, 4096, seconds));
          report("engine, 1024 objects, one key each", manyObjects(engine, seconds));
        }
        if (args.length > 1) {
          try (StorageEngine engine = StorageEngine.open(StorageOptions.postgres(args[1]))) {
            report("PostgreSQL, one object, one key", oneObject(engine, 1, seconds));
            report("PostgreSQL, one object, 4096 keys", oneObject(engine, 4096, seconds));
            report("PostgreSQL, 1024 objects, one key each", manyObjects(engine, seconds));
          }
        }
        try (StorageEngine engine = StorageEngine.open(StorageOptions.memory())) {
          report("memory, one object, one key", oneObject(engine, 1, seconds));
          report("memory, turns without storage", idleTurns(engine, seconds));
        }
        try (StorageEngine engine =
            StorageEngine.open(StorageOptions.sqlite(directory.resolve("e" + round)))) {
          report("SQLite, turns without storage", idleTurns(engine, seconds));
          report("SQLite, turns that read a key", reads(engine, seconds));
        }
      }
    } finally {
      com.google.common.io.MoreFiles.deleteRecursively(
          directory, com.google.common.io.RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  private static void report(String what, double perSecond) {
    System.out.printf("%-42s %,14.0f/s%n", what, perSecond);
  }

  /** Groups of as many rows as there are turns in flight, each in one transaction. */
  private static double bare(Path directory, int keys, double seconds)
      throws SQLException, IOException {
    Files.createDirectories(directory);
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setTransactionMode(SQLiteConfig.TransactionMode.IMMEDIATE);
    try (Connection connection =
        DriverManager.getConnection(
            "jdbc:sqlite:" + directory.resolve("bare.db"), config.toProperties())) {
      JdbcStore.execute(
          connection,
          "CREATE TABLE entries (object INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
              + " PRIMARY KEY (object, key)) STRICT, WITHOUT ROWID");
      connection.setAutoCommit(false);
      try (PreparedStatement upsert =
          connection.prepareStatement(
              "INSERT INTO entries (object, key, value) VALUES (?, ?, ?)"
                  + " ON CONFLICT (object, key) DO UPDATE SET value = excluded.value")) {
        long rows = 0;
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < seconds * 1e9) {
          for (int i = 0; i < IN_FLIGHT; i++) {
            upsert.setLong(1, 1);
            upsert.setString(2, key(rows % keys));
            upsert.setBytes(3, value(rows).toByteArray());
            upsert.addBatch();
            rows++;
          }
          upsert.executeBatch();
          connection.commit();
        }
        return rows / ((System.nanoTime() - begun) / 1e9);
      }
    }
  }

  private static double oneObject(StorageEngine engine, int keys, double seconds) {
    Gate gate = new Gate();
    ObjectLog object = engine.log("BENCH", ids().newUniqueId(), gate);
    TurnStorage storage = object.newStorage();
    long turns = 0;
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < seconds * 1e9) {
      for (int i = 0; i < 64; i++) {
        storage.beginTurn();
        storage.put(key(turns % keys), value(turns));
        gate.await(storage.endTurn() - IN_FLIGHT);
        turns++;
      }
    }
    gate.await(object.pendingCommit());
    return turns / ((System.nanoTime() - begun) / 1e9);
  }

  private static double manyObjects(StorageEngine engine, double seconds) {
    List<Gate> gates = new ArrayList<>();
    List<TurnStorage> storages = new ArrayList<>();
    for (int i = 0; i < OBJECTS; i++) {
      Gate gate = new Gate();
      gates.add(gate);
      storages.add(engine.log("BENCH", ids().newUniqueId(), gate).newStorage());
    }
    long turns = 0;
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < seconds * 1e9) {
      for (int i = 0; i < OBJECTS; i++) {
        TurnStorage storage = storages.get(i);
        storage.beginTurn();
        storage.put("count", value(turns));
        gates.get(i).await(storage.endTurn() - IN_FLIGHT / OBJECTS);
        turns++;
      }
    }
    return turns / ((System.nanoTime() - begun) / 1e9);
  }

  private static double idleTurns(StorageEngine engine, double seconds) {
    TurnStorage storage = engine.log("BENCH", ids().newUniqueId(), new Gate()).newStorage();
    long turns = 0;
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < seconds * 1e9) {
      for (int i = 0; i < 1024; i++) {
        storage.beginTurn();
        storage.endTurn();
        turns++;
      }
    }
    return turns / ((System.nanoTime() - begun) / 1e9);
  }

  private static double reads(StorageEngine engine, double seconds) {
    Gate gate = new Gate();
    ObjectLog object = engine.log("BENCH", ids().newUniqueId(), gate);
    TurnStorage storage = object.newStorage();
    storage.beginTurn();
    storage.put("count", value(1));
    gate.await(storage.endTurn());
    long turns = 0;
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < seconds * 1e9) {
      for (int i = 0; i < 1024; i++) {
        storage.beginTurn();
        storage.get("count");
        storage.endTurn();
        turns++;
      }
    }
    return turns / ((System.nanoTime() - begun) / 1e9);
  }

  private static DurableObjectIds ids() {
    return new DurableObjectIds("benchmark");
  }

  private static String key(long number) {
    return number == 0 ? "count" : "key" + number;
  }

  private static ByteString value(long number) {
    return ByteString.copyFrom(ByteBuffer.allocate(8).putLong(number).flip());
  }

  /** Waits for commits, as outcomes do. */
  private static final class Gate implements CommitListener {
    private final AtomicLong durable = new AtomicLong();
    private volatile long wanted = Long.MAX_VALUE;

    void await(long commit) {
      if (durable.get() >= commit) {
        return;
      }
      synchronized (this) {
        wanted = commit;
        while (durable.get() < commit) {
          try {
            wait();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        }
        wanted = Long.MAX_VALUE;
      }
    }

    @Override
    public void durable(long commit, boolean idle) {
      durable.set(commit);
      if (commit >= wanted) {
        synchronized (this) {
          notifyAll();
        }
      }
    }

    @Override
    public void failed(long first, long last, Throwable cause) {
      throw new AssertionError(cause);
    }

    @Override
    public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {
      throw new AssertionError(cause);
    }
  }
}
