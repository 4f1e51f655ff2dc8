package dev.seriatim.server.serve;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server stores its objects, as options of the command line. */
final class StoreOptions {
  private static final StorageOptions DEFAULTS = StorageOptions.memory();

  @Option(
      names = "--store-password-file",
      paramLabel = "FILE",
      description = "The file that has the password of --store, which all users see in its URL.")
  private @Nullable Path passwordFile;

  @Option(
      names = "--max-turn-bytes",
      paramLabel = "BYTES",
      description = "What one turn may write. Default: 67108864")
  private long maxTurnBytes = DEFAULTS.maxTurnBytes();

  @Option(
      names = "--max-uncommitted-bytes",
      paramLabel = "BYTES",
      description = "What may wait for its commit, of all objects. Default: 268435456")
  private long maxUncommittedBytes = DEFAULTS.maxUncommittedBytes();

  @Option(
      names = "--max-uncommitted-bytes-per-object",
      paramLabel = "BYTES",
      description = "What may wait for its commit, of one object. Default: 16777216")
  private long maxUncommittedBytesPerObject = DEFAULTS.maxUncommittedBytesPerObject();

  @Option(
      names = "--max-uncommitted-turns-per-object",
      paramLabel = "N",
      description = "How many turns of one object may wait for their commit. Default: 65536")
  private int maxUncommittedTurnsPerObject = DEFAULTS.maxUncommittedTurnsPerObject();

  @Option(
      names = "--max-group-bytes",
      paramLabel = "BYTES",
      description = "About how much goes into one transaction. Default: 33554432")
  private long maxGroupBytes = DEFAULTS.maxGroupBytes();

  @Option(
      names = "--cache-bytes",
      paramLabel = "BYTES",
      description = "The memory for values of live objects. Default: 67108864")
  private long cacheBytes = DEFAULTS.cacheBytes();

  @Option(
      names = "--cache-bytes-per-object",
      paramLabel = "BYTES",
      description = "The same, of one object. Default: 65536")
  private int cacheBytesPerObject = DEFAULTS.cacheBytesPerObject();

  @Option(
      names = "--read-connections",
      paramLabel = "N",
      description = "How many reads may run at once. Default: 4")
  private int readConnections = DEFAULTS.readConnections();

  @Option(
      names = "--max-wal-bytes",
      paramLabel = "BYTES",
      description =
          "How long SQLite's write-ahead log may become before reads wait for it to be begun anew."
              + " Default: 67108864")
  private long maxWalBytes = DEFAULTS.maxWalBytes();

  @Option(
      names = "--alarm-index-size",
      paramLabel = "N",
      description = "How many of the nearest alarms are held in memory. Default: 10000")
  private int alarmIndexSize = DEFAULTS.alarmIndexSize();

  @Option(
      names = "--max-outstanding-alarms",
      paramLabel = "N",
      description = "How many alarms that are due may wait for their turns. Default: 1000")
  private int maxOutstandingAlarms = DEFAULTS.maxOutstandingAlarms();

  @Option(
      names = "--max-long-alarms",
      paramLabel = "N",
      description = "How many alarms more may run that take longer than a second. Default: 10000")
  private int maxLongAlarms = DEFAULTS.maxLongAlarms();

  @Option(
      names = "--session-retention",
      paramLabel = "SECONDS",
      description =
          "How long the session of a resumable stub is kept after its last turn that wrote."
              + " Default: 600")
  private double sessionRetention = DEFAULTS.sessionRetention().toSeconds();

  @Option(
      names = "--idempotency-retention",
      paramLabel = "SECONDS",
      description =
          "How long a call with an idempotency key is remembered after it completed."
              + " Default: 86400")
  private double idempotencyRetention = DEFAULTS.idempotencyRetention().toSeconds();

  @Option(
      names = "--store-patience",
      paramLabel = "SECONDS",
      description =
          "How long a commit or a read waits for a store that has gone away, or says nothing."
              + " Default: 5")
  private double storePatience = DEFAULTS.storePatience().toSeconds();

  @Option(
      names = "--ownership-wait",
      paramLabel = "SECONDS",
      description =
          "How long to wait at the start for the host that owns the objects now; then the program"
              + " ends. Default: 60")
  private double ownershipWait = DEFAULTS.ownershipWait().toSeconds();

  @Option(
      names = "--standby",
      description = "Wait for that without limit, and take over when that host is gone.")
  private boolean standby;

  @Option(
      names = "--lease",
      paramLabel = "SECONDS",
      description =
          "How long no other host takes over after this one was last heard of. Default: 5")
  private double lease = DEFAULTS.lease().toSeconds();

  @Option(
      names = "--lease-renewal",
      paramLabel = "SECONDS",
      description = "How often the lease is renewed. Default: 1")
  private double leaseRenewal = DEFAULTS.leaseRenewal().toSeconds();

  /** The file that has the store's password; null if none has. */
  @Nullable Path passwordFile() {
    return passwordFile;
  }

  /**
   * The options of this place, with these limits.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  StorageOptions applyTo(StorageOptions place) {
    StorageOptions options =
        place
            .withMaxTurnBytes(maxTurnBytes)
            .withMaxUncommittedBytes(maxUncommittedBytes)
            .withMaxUncommittedBytesPerObject(maxUncommittedBytesPerObject)
            .withMaxUncommittedTurnsPerObject(maxUncommittedTurnsPerObject)
            .withMaxGroupBytes(maxGroupBytes)
            .withCacheBytes(cacheBytes)
            .withCacheBytesPerObject(cacheBytesPerObject)
            .withReadConnections(readConnections)
            .withMaxWalBytes(maxWalBytes)
            .withAlarmIndexSize(alarmIndexSize)
            .withMaxOutstandingAlarms(maxOutstandingAlarms)
            .withMaxLongAlarms(maxLongAlarms)
            .withSessionRetention(seconds(sessionRetention))
            .withIdempotencyRetention(seconds(idempotencyRetention))
            .withStorePatience(seconds(storePatience))
            .withOwnershipWait(seconds(ownershipWait))
            .withLease(seconds(lease), seconds(leaseRenewal));
    return standby ? options.withStandby() : options;
  }

  private static Duration seconds(double seconds) {
    return LimitOptions.seconds(seconds);
  }
}
