package dev.seriatim.server.serve;

import dev.seriatim.service.SessionLimits;
import picocli.CommandLine.Option;

/** The limits of what is remembered of sessions and idempotency keys, as options. */
final class SessionOptions {
  private static final SessionLimits DEFAULTS = SessionLimits.defaults();

  @Option(
      names = "--max-unacknowledged-outcomes",
      paramLabel = "N",
      description =
          "How many outcomes of a resumable stub may wait for its acknowledgement before its turns"
              + " wait, too. Default: 4096")
  private int maxUnacknowledgedOutcomes = DEFAULTS.maxUnacknowledgedOutcomes();

  @Option(
      names = "--max-unacknowledged-bytes",
      paramLabel = "BYTES",
      description = "How many bytes of them may wait. Default: 1048576")
  private long maxUnacknowledgedBytes = DEFAULTS.maxUnacknowledgedBytes();

  @Option(
      names = "--max-unacknowledged-bytes-of-host",
      paramLabel = "BYTES",
      description =
          "How much memory all of them may take before those whose clients are away lose theirs."
              + " Default: 67108864")
  private long maxUnacknowledgedBytesOfHost = DEFAULTS.maxUnacknowledgedBytesOfHost();

  @Option(
      names = "--max-sessions-per-object",
      paramLabel = "N",
      description = "How many resumable stubs one object may have. Default: 10000")
  private int maxSessionsPerObject = DEFAULTS.maxSessionsPerObject();

  @Option(
      names = "--max-idempotency-keys-per-object",
      paramLabel = "N",
      description = "How many idempotency keys are kept of one object. Default: 100000")
  private int maxIdempotencyKeysPerObject = DEFAULTS.maxIdempotencyKeysPerObject();

  /**
   * The limits as given.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  SessionLimits toLimits() {
    return new SessionLimits(
        maxUnacknowledgedOutcomes,
        maxUnacknowledgedBytes,
        maxSessionsPerObject,
        maxUnacknowledgedBytesOfHost,
        maxIdempotencyKeysPerObject);
  }
}
