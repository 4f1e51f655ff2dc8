package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.base.Ticker;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.Consumer;

/**
 * Where a host keeps its objects, and its limits. Immutable; each {@code with} method gives a copy.
 */
public final class StorageOptions implements Cloneable {
  /** Where objects are kept. */
  public sealed interface Location {
    /** What keeps the objects, in lower case, such as {@code sqlite}. */
    String kind();
  }

  /** In the heap, and nowhere else. */
  public record Memory() implements Location {
    @Override
    public String kind() {
      return "memory";
    }
  }

  /** In the file {@code seriatim.db} in this directory. */
  public record Sqlite(Path directory) implements Location {
    @Override
    public String kind() {
      return "sqlite";
    }
  }

  /** In the PostgreSQL database at this JDBC URL. */
  public record Postgres(String url) implements Location {
    @Override
    public String kind() {
      return "postgresql";
    }

    /** Without the parameters, which may hold a password. */
    @Override
    public String toString() {
      int parameters = url.indexOf('?');
      return parameters < 0 ? url : url.substring(0, parameters);
    }
  }

  private final Location location;
  private long maxTurnBytes = 64L << 20;
  private long maxUncommittedBytesPerObject = 16L << 20;
  private int maxUncommittedTurnsPerObject = 65_536;
  private long maxUncommittedBytes = 256L << 20;
  private long maxGroupBytes = 32L << 20;
  private int cacheBytesPerObject = 64 << 10;
  private long cacheBytes = 64L << 20;
  private int readConnections = 4;
  private long maxWalBytes = 64L << 20;
  private int alarmIndexSize = 10_000;
  private int maxOutstandingAlarms = 1_000;
  private int maxLongAlarms = 10_000;
  private Duration sessionRetention = Duration.ofMinutes(10);
  private Duration idempotencyRetention = Duration.ofHours(24);
  private Duration storePatience = Duration.ofSeconds(5);
  private Duration ownershipWait = Duration.ofSeconds(60);
  private Duration lease = Duration.ofSeconds(5);
  private Duration leaseRenewal = Duration.ofSeconds(1);
  private boolean sharedSlots;
  private InstantSource clock = InstantSource.system();
  private Ticker ticker = Ticker.systemTicker();

  private StorageOptions(Location location) {
    this.location = location;
  }

  /** Keeps nothing after the process ends. */
  public static StorageOptions memory() {
    return new StorageOptions(new Memory());
  }

  /** Keeps everything in this directory, which is made if it doesn't exist. */
  public static StorageOptions sqlite(Path directory) {
    return new StorageOptions(new Sqlite(directory));
  }

  /** Keeps everything in this database: {@code jdbc:postgresql://host:port/database?user=…}. */
  public static StorageOptions postgres(String url) {
    checkArgument(
        url.startsWith("jdbc:postgresql:"),
        "store '%s', expected jdbc:postgresql://host:port/database",
        url);
    return new StorageOptions(new Postgres(url));
  }

  /** Where objects are kept. */
  public Location location() {
    return location;
  }

  /** The most memory that one turn's writes may hold; more is refused. 64 MiB. */
  public long maxTurnBytes() {
    return maxTurnBytes;
  }

  /** As {@link #maxTurnBytes}. */
  public StorageOptions withMaxTurnBytes(long bytes) {
    return with(copy -> copy.maxTurnBytes = atLeast(1, "maxTurnBytes", bytes));
  }

  /**
   * How much memory one object's uncommitted writes may hold before the end of its next writing
   * turn waits for a commit. 16 MiB. Several writes to one key count once.
   */
  public long maxUncommittedBytesPerObject() {
    return maxUncommittedBytesPerObject;
  }

  /** As {@link #maxUncommittedBytesPerObject}. */
  public StorageOptions withMaxUncommittedBytesPerObject(long bytes) {
    return with(
        copy ->
            copy.maxUncommittedBytesPerObject = atLeast(1, "maxUncommittedBytesPerObject", bytes));
  }

  /**
   * How many uncommitted turns one object may have before the end of its next writing turn waits
   * for a commit. 65,536.
   */
  public int maxUncommittedTurnsPerObject() {
    return maxUncommittedTurnsPerObject;
  }

  /** As {@link #maxUncommittedTurnsPerObject}. */
  public StorageOptions withMaxUncommittedTurnsPerObject(int turns) {
    return with(
        copy ->
            copy.maxUncommittedTurnsPerObject =
                (int) atLeast(1, "maxUncommittedTurnsPerObject", turns));
  }

  /**
   * How much memory all objects' uncommitted writes together may hold before the end of a writing
   * turn waits for a commit. 256 MiB.
   */
  public long maxUncommittedBytes() {
    return maxUncommittedBytes;
  }

  /** As {@link #maxUncommittedBytes}. */
  public StorageOptions withMaxUncommittedBytes(long bytes) {
    return with(copy -> copy.maxUncommittedBytes = atLeast(1, "maxUncommittedBytes", bytes));
  }

  /** About how much goes into one database transaction at most. 32 MiB. */
  public long maxGroupBytes() {
    return maxGroupBytes;
  }

  /** As {@link #maxGroupBytes}. */
  public StorageOptions withMaxGroupBytes(long bytes) {
    return with(copy -> copy.maxGroupBytes = atLeast(1, "maxGroupBytes", bytes));
  }

  /**
   * How much memory the values that one live object has read or written lately may hold, so that
   * they needn't be read again. 64 KiB; 0 keeps none.
   */
  public int cacheBytesPerObject() {
    return cacheBytesPerObject;
  }

  /** As {@link #cacheBytesPerObject}. */
  public StorageOptions withCacheBytesPerObject(int bytes) {
    return with(copy -> copy.cacheBytesPerObject = (int) atLeast(0, "cacheBytesPerObject", bytes));
  }

  /**
   * Likewise, of all live objects together. 64 MiB. Beyond it those of the objects give way that
   * weren't read for longest.
   */
  public long cacheBytes() {
    return cacheBytes;
  }

  /** As {@link #cacheBytes}. */
  public StorageOptions withCacheBytes(long bytes) {
    return with(copy -> copy.cacheBytes = atLeast(0, "cacheBytes", bytes));
  }

  /** How many reads may run at the same time, on SQLite each on a thread; more wait. 4. */
  public int readConnections() {
    return readConnections;
  }

  /** As {@link #readConnections}. */
  public StorageOptions withReadConnections(int connections) {
    return with(copy -> copy.readConnections = (int) atLeast(1, "readConnections", connections));
  }

  /**
   * How long the write-ahead log of a SQLite file may become before reads wait for a moment, so
   * that it can be begun anew. 64 MiB; PostgreSQL looks after its own. Only while another process
   * reads the file does it become longer.
   */
  public long maxWalBytes() {
    return maxWalBytes;
  }

  /** As {@link #maxWalBytes}. */
  public StorageOptions withMaxWalBytes(long bytes) {
    return with(copy -> copy.maxWalBytes = atLeast(1 << 20, "maxWalBytes", bytes));
  }

  /**
   * How many of the nearest alarms are held in memory, of all namespaces, which get equal parts.
   * 10,000.
   */
  public int alarmIndexSize() {
    return alarmIndexSize;
  }

  /** As {@link #alarmIndexSize}. */
  public StorageOptions withAlarmIndexSize(int alarms) {
    return with(copy -> copy.alarmIndexSize = (int) atLeast(1, "alarmIndexSize", alarms));
  }

  /**
   * How many alarms that are due may be waiting for their turns, or for these to be durable; others
   * wait. Those that take longer than a second count as {@link #maxLongAlarms}. One namespace alone
   * may have four fifths of either. 1,000.
   */
  public int maxOutstandingAlarms() {
    return maxOutstandingAlarms;
  }

  /** As {@link #maxOutstandingAlarms}. */
  public StorageOptions withMaxOutstandingAlarms(int alarms) {
    return with(
        copy -> copy.maxOutstandingAlarms = (int) atLeast(1, "maxOutstandingAlarms", alarms));
  }

  /**
   * How many alarms may be running, or waiting for their turns or commits, that have done so for
   * more than a second; those beyond count as {@link #maxOutstandingAlarms}. 10,000.
   */
  public int maxLongAlarms() {
    return maxLongAlarms;
  }

  /** As {@link #maxLongAlarms}. */
  public StorageOptions withMaxLongAlarms(int alarms) {
    return with(copy -> copy.maxLongAlarms = (int) atLeast(1, "maxLongAlarms", alarms));
  }

  /**
   * How long the store keeps what it has of a resumable stub's session after the last turn that
   * wrote. A client with unanswered calls has half of that to resume. 10 min.
   */
  public Duration sessionRetention() {
    return sessionRetention;
  }

  /** As {@link #sessionRetention}; at least a second. */
  public StorageOptions withSessionRetention(Duration retention) {
    return with(copy -> copy.sessionRetention = aSecond("sessionRetention", retention));
  }

  /**
   * How long a call with an idempotency key is remembered after it completed; then the key is new
   * again. 24 h.
   */
  public Duration idempotencyRetention() {
    return idempotencyRetention;
  }

  /** As {@link #idempotencyRetention}; at least a second. */
  public StorageOptions withIdempotencyRetention(Duration retention) {
    return with(copy -> copy.idempotencyRetention = aSecond("idempotencyRetention", retention));
  }

  /**
   * How long a commit or a read waits for a store that has gone away, or says nothing, before it
   * fails; or, if a commit was sent, before it is in doubt. On PostgreSQL a try may take as long,
   * and on SQLite a read waits for those before it as long; both a second at least. If the disk of
   * a SQLite file hangs, it is half a second more. 5 s.
   */
  public Duration storePatience() {
    return storePatience;
  }

  /** As {@link #storePatience}. */
  public StorageOptions withStorePatience(Duration patience) {
    return with(copy -> copy.storePatience = DurationRange.notNegative("storePatience", patience));
  }

  /**
   * How long a host that starts waits for the host that owns the objects now. 60 s. With {@link
   * #withStandby} there is no limit.
   */
  public Duration ownershipWait() {
    return ownershipWait;
  }

  /** As {@link #ownershipWait}. */
  public StorageOptions withOwnershipWait(Duration wait) {
    return with(copy -> copy.ownershipWait = DurationRange.notNegative("ownershipWait", wait));
  }

  /** Waits without limit for the host that owns the objects, and takes over when it is gone. */
  public StorageOptions withStandby() {
    return withOwnershipWait(DurationRange.LONGEST);
  }

  /**
   * Whether this host shares the objects with others that have the same PostgreSQL: it takes none
   * by itself, and has what the hosts' cluster says. No.
   */
  public boolean sharedSlots() {
    return sharedSlots;
  }

  /**
   * Shares the objects with other hosts that do so: this one takes only what is claimed for it. For
   * what connects hosts to a cluster. A host that doesn't share waits as long as there is one that
   * does, and the other way round, as long as the first has any objects. No other store than
   * PostgreSQL can be shared.
   */
  public StorageOptions withSharedSlots() {
    return with(copy -> copy.sharedSlots = true);
  }

  /** How long nobody else takes this host's objects over after it was last heard of. 5 s. */
  public Duration lease() {
    return lease;
  }

  /** How often the lease is renewed. 1 s. */
  public Duration leaseRenewal() {
    return leaseRenewal;
  }

  /**
   * As {@link #lease} and {@link #leaseRenewal}.
   *
   * @throws IllegalArgumentException if the renewal isn't less than half of the lease
   */
  public StorageOptions withLease(Duration lease, Duration renewal) {
    DurationRange.positive("lease", lease);
    DurationRange.positive("leaseRenewal", renewal);
    checkArgument(
        // Durations are multiplied as decimals, which every start would load for this.
        renewal.plus(renewal).compareTo(lease) < 0,
        "leaseRenewal: %s, expected less than half of the lease %s",
        renewal,
        lease);
    return with(
        copy -> {
          copy.lease = lease;
          copy.leaseRenewal = renewal;
        });
  }

  /**
   * The time of day, which alarms go by, and what objects see as {@link DurableObjectState#clock}.
   * A clock other than the system's is looked at fifty times a second, so that alarms follow
   * wherever it leaps.
   */
  public InstantSource clock() {
    return clock;
  }

  /** As {@link #clock}. For tests. */
  public StorageOptions withClock(InstantSource clock) {
    return with(copy -> copy.clock = clock);
  }

  /** The monotonic clock, which the lease goes by. */
  public Ticker ticker() {
    return ticker;
  }

  /** As {@link #ticker}. For tests. */
  public StorageOptions withTicker(Ticker ticker) {
    return with(copy -> copy.ticker = ticker);
  }

  /** What is less can't be told apart from nothing. */
  private static Duration aSecond(String name, Duration duration) {
    return DurationRange.atLeast(Duration.ofSeconds(1), name, duration);
  }

  private static long atLeast(long least, String name, long value) {
    checkArgument(value >= least, "%s: %s, expected at least %s", name, value, least);
    return value;
  }

  private StorageOptions with(Consumer<StorageOptions> change) {
    StorageOptions copy;
    try {
      copy = (StorageOptions) clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
    change.accept(copy);
    return copy;
  }
}
