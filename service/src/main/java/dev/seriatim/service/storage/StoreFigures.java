package dev.seriatim.service.storage;

import java.time.Duration;
import java.util.Optional;

/**
 * What a store is like at one moment.
 *
 * @param leaseLeft for how long the ownership is certain; empty if it needs no lease
 * @param inDoubt of how many objects nobody knows whether their last commits are durable
 * @param uncommittedBytes what uncommitted writes hold
 * @param cachedBytes what caches of values hold
 */
public record StoreFigures(
    boolean away,
    Optional<Duration> leaseLeft,
    int slotsOwned,
    int inDoubt,
    long uncommittedBytes,
    long cachedBytes) {
  /** A store without anything to commit to. */
  static final StoreFigures NONE = new StoreFigures(false, Optional.empty(), 0, 0, 0, 0);
}
