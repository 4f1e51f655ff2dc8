package dev.seriatim.server.serve;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostLimits.QueueSize;
import dev.seriatim.service.TailLimits;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The host's limits, as options of the command line. */
final class LimitOptions {
  private static final HostLimits DEFAULTS = HostLimits.defaults();

  @Option(
      names = "--turn-limit",
      paramLabel = "SECONDS",
      description = "How long a turn may take; fractions are allowed. Default: 60")
  private double turnLimit = DEFAULTS.turnLimit().toSeconds();

  @Option(
      names = "--drain-limit",
      paramLabel = "SECONDS",
      description =
          "How long a drain waits for turns to end. The server ends 10 s later at most; give it"
              + " that much before you kill it. Default: 15")
  private double drainLimit = DEFAULTS.drainLimit().toSeconds();

  @Option(
      names = "--max-frame-bytes",
      paramLabel = "BYTES",
      description = "The size of one frame. Default: 4194304")
  private int maxFrameBytes = DEFAULTS.maxFrameBytes();

  @Option(
      names = "--stub-queue",
      paramLabel = "N",
      description = "How many invocations one stub may have queued. Default: 65536")
  private long stubQueue = DEFAULTS.stubQueue().invocations();

  @Option(
      names = "--stub-queue-bytes",
      paramLabel = "BYTES",
      description = "How many bytes one stub may have queued. Default: 67108864")
  private long stubQueueBytes = DEFAULTS.stubQueue().bytes();

  @Option(
      names = "--object-queue",
      paramLabel = "N",
      description = "How many invocations one object may have queued. Default: 262144")
  private long objectQueue = DEFAULTS.objectQueue().invocations();

  @Option(
      names = "--object-queue-bytes",
      paramLabel = "BYTES",
      description = "How many bytes one object may have queued. Default: 268435456")
  private long objectQueueBytes = DEFAULTS.objectQueue().bytes();

  @Option(
      names = "--host-queue",
      paramLabel = "N",
      description = "How many invocations the host may have queued. Default: 1048576")
  private long hostQueue = DEFAULTS.hostQueue().invocations();

  @Option(
      names = "--host-queue-bytes",
      paramLabel = "BYTES",
      description = "How many bytes the host may have queued. Default: a quarter of the heap")
  private long hostQueueBytes = DEFAULTS.hostQueue().bytes();

  @Option(
      names = "--max-unread-outcome-bytes",
      paramLabel = "BYTES",
      description = "How much may wait for a client that doesn't read. Default: 262144")
  private int maxUnreadOutcomeBytes = DEFAULTS.maxUnreadOutcomeBytes();

  @Option(
      names = "--stub-outcome-bytes",
      paramLabel = "BYTES",
      description = "How much memory the outcomes of one stub may take. Default: 4194304")
  private long stubOutcomeBytes = DEFAULTS.stubOutcomeBytes();

  @Option(
      names = "--object-outcome-bytes",
      paramLabel = "BYTES",
      description =
          "How much memory the outcomes of one object may take."
              + " Default: a quarter of the host's")
  private long objectOutcomeBytes = DEFAULTS.objectOutcomeBytes();

  @Option(
      names = "--host-outcome-bytes",
      paramLabel = "BYTES",
      description =
          "How much memory the outcomes of the host may take. Default: an eighth of the heap")
  private long hostOutcomeBytes = DEFAULTS.hostOutcomeBytes();

  @Option(
      names = "--idle-limit",
      paramLabel = "SECONDS",
      description = "How long an instance may be idle before it is evicted. Default: 60")
  private double idleLimit = DEFAULTS.idleLimit().toSeconds();

  @Option(
      names = "--max-instances",
      paramLabel = "N",
      description =
          "How many instances may be live. Default: one for each 16 KiB of the heap, at most"
              + " 100000")
  private int maxInstances = DEFAULTS.maxInstances();

  @Option(
      names = "--max-stubs",
      paramLabel = "N",
      description = "How many stubs may be open. Default: one for each 16 KiB of the heap")
  private int maxStubs = DEFAULTS.maxStubs();

  @Option(
      names = "--max-stubs-per-caller",
      paramLabel = "N",
      description =
          "How many stubs a caller who is known may have open. Default: half of --max-stubs")
  private @Nullable Integer maxStubsPerCaller;

  @Option(
      names = "--max-stray-turns",
      paramLabel = "N",
      description =
          "How many turns that were cut off may still run before their methods are refused."
              + " Default: four for each processor, at least 16")
  private int maxStrayTurns = DEFAULTS.maxStrayTurns();

  @Option(
      names = "--max-spinning-turns",
      paramLabel = "N",
      description =
          "How many turns may keep a thread to themselves before their methods have to wait."
              + " Default: four for each processor, at least 16")
  private int maxSpinningTurns = DEFAULTS.maxSpinningTurns();

  @Option(
      names = "--max-tailers",
      paramLabel = "N",
      description = "How many may follow what happens, as 'seriatim tail' does. Default: 16")
  private int maxTailers = DEFAULTS.tails().maxTailers();

  @Option(
      names = "--max-tail-events",
      paramLabel = "N",
      description =
          "How many events may wait for one of them; what is more is left out and counted."
              + " Default: 4096")
  private int maxTailEvents = DEFAULTS.tails().maxEvents();

  @Option(
      names = "--max-tail-bytes",
      paramLabel = "BYTES",
      description = "How much memory these may take. Default: 4194304")
  private long maxTailBytes = DEFAULTS.tails().maxBytes();

  /**
   * The limits as given.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  HostLimits.Builder toLimits() {
    HostLimits.Builder limits = HostLimits.builder();
    if (maxStubsPerCaller != null) {
      limits.maxStubsPerCaller(maxStubsPerCaller);
    }
    return limits
        .turnLimit(seconds(turnLimit))
        .drainLimit(seconds(drainLimit))
        .maxFrameBytes(maxFrameBytes)
        .stubQueue(new QueueSize(stubQueue, stubQueueBytes))
        .objectQueue(new QueueSize(objectQueue, objectQueueBytes))
        .hostQueue(new QueueSize(hostQueue, hostQueueBytes))
        .maxUnreadOutcomeBytes(maxUnreadOutcomeBytes)
        .stubOutcomeBytes(stubOutcomeBytes)
        .objectOutcomeBytes(objectOutcomeBytes)
        .hostOutcomeBytes(hostOutcomeBytes)
        .idleLimit(seconds(idleLimit))
        .maxInstances(maxInstances)
        .maxStubs(maxStubs)
        .maxStrayTurns(maxStrayTurns)
        .maxSpinningTurns(maxSpinningTurns)
        .tails(new TailLimits(maxTailers, maxTailEvents, maxTailBytes));
  }

  static Duration seconds(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }
}
