package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.errorprone.annotations.CheckReturnValue;

/**
 * The limits of what a host remembers for stubs that can be resumed, and of idempotency keys. How
 * long it remembers is in {@link StorageOptions}. Immutable; each {@code with} method gives a
 * changed copy.
 *
 * @param maxUnacknowledgedOutcomes how many outcomes of one session may wait for their client's
 *     acknowledgement; default 4,096. At so many, the stub's turns wait; nothing breaks, and
 *     nothing is forgotten
 * @param maxUnacknowledgedBytes how many bytes of them may wait, as they are on the wire; default 1
 *     MiB. The same holds
 * @param maxSessionsPerObject how many sessions one object may have, in memory or in the store;
 *     default 10,000. One more is refused with {@code OVERLOADED}
 * @param maxUnacknowledgedBytesOfHost how much memory all of that may take, and what is known of
 *     idempotency keys; default 64 MiB. Over it, the store is asked for each key, and the sessions
 *     whose clients have been away for longest lose what only memory has of them, and are told
 *     {@code SESSION_EXPIRED} if they would need it
 * @param maxIdempotencyKeysPerObject how many idempotency keys the store may have of one object;
 *     default 100,000. A stub with a call that brings one more breaks with {@code OVERLOADED}
 */
@CheckReturnValue
public record SessionLimits(
    int maxUnacknowledgedOutcomes,
    long maxUnacknowledgedBytes,
    int maxSessionsPerObject,
    long maxUnacknowledgedBytesOfHost,
    int maxIdempotencyKeysPerObject) {
  private static final SessionLimits DEFAULTS =
      new SessionLimits(4_096, 1 << 20, 10_000, 64 << 20, 100_000);

  /** Checks each. */
  public SessionLimits {
    positive("maxUnacknowledgedOutcomes", maxUnacknowledgedOutcomes);
    positive("maxUnacknowledgedBytes", maxUnacknowledgedBytes);
    positive("maxSessionsPerObject", maxSessionsPerObject);
    positive("maxUnacknowledgedBytesOfHost", maxUnacknowledgedBytesOfHost);
    positive("maxIdempotencyKeysPerObject", maxIdempotencyKeysPerObject);
  }

  private static void positive(String name, long value) {
    checkArgument(value > 0, "%s: %s, expected at least 1", name, value);
  }

  /** The defaults. */
  public static SessionLimits defaults() {
    return DEFAULTS;
  }

  /** With this many {@link #maxUnacknowledgedOutcomes}. */
  public SessionLimits withMaxUnacknowledgedOutcomes(int outcomes) {
    return new SessionLimits(
        outcomes,
        maxUnacknowledgedBytes,
        maxSessionsPerObject,
        maxUnacknowledgedBytesOfHost,
        maxIdempotencyKeysPerObject);
  }

  /** With this many {@link #maxUnacknowledgedBytes}. */
  public SessionLimits withMaxUnacknowledgedBytes(long bytes) {
    return new SessionLimits(
        maxUnacknowledgedOutcomes,
        bytes,
        maxSessionsPerObject,
        maxUnacknowledgedBytesOfHost,
        maxIdempotencyKeysPerObject);
  }

  /** With this many {@link #maxSessionsPerObject}. */
  public SessionLimits withMaxSessionsPerObject(int sessions) {
    return new SessionLimits(
        maxUnacknowledgedOutcomes,
        maxUnacknowledgedBytes,
        sessions,
        maxUnacknowledgedBytesOfHost,
        maxIdempotencyKeysPerObject);
  }

  /** With this many {@link #maxUnacknowledgedBytesOfHost}. */
  public SessionLimits withMaxUnacknowledgedBytesOfHost(long bytes) {
    return new SessionLimits(
        maxUnacknowledgedOutcomes,
        maxUnacknowledgedBytes,
        maxSessionsPerObject,
        bytes,
        maxIdempotencyKeysPerObject);
  }

  /** With this many {@link #maxIdempotencyKeysPerObject}. */
  public SessionLimits withMaxIdempotencyKeysPerObject(int keys) {
    return new SessionLimits(
        maxUnacknowledgedOutcomes,
        maxUnacknowledgedBytes,
        maxSessionsPerObject,
        maxUnacknowledgedBytesOfHost,
        keys);
  }
}
