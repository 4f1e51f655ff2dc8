package dev.seriatim.cluster;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Which host has said that it doesn't have a stub's object, how often in a row, and until when it
 * isn't asked again. Once is the news that the object is elsewhere, and costs nothing; but an owner
 * that doesn't serve the object's namespace says so for as long as it has the slot, and is asked
 * less and less often. Another host may be asked at once. Guarded by its relay.
 */
final class Repulse {
  /** For how long it isn't asked after the second time. It doubles with each one behind that. */
  static final Duration SHORTEST = Duration.ofMillis(50);

  static final Duration LONGEST = Duration.ofSeconds(1);

  private @Nullable String host;
  private int times;
  private long until;

  /**
   * A host has said so.
   *
   * @param by its name
   * @param now the time on the edge's clock
   * @param part from 0 to 1, at random: half of the time is spread by it, or all stubs of an object
   *     that moves would ask at the same moments
   */
  void came(String by, long now, double part) {
    times = by.equals(host) ? times + 1 : 1;
    host = by;
    until = now + (long) (nanos() * (0.5 + part / 2));
  }

  private long nanos() {
    if (times == 1) {
      return 0;
    }
    // No further than that doesn't overflow, however long it goes on.
    long doubled = SHORTEST.toNanos() << Math.min(times - 2, 10);
    return Math.min(doubled, LONGEST.toNanos());
  }

  /** Whether this host isn't to be asked yet. */
  boolean keepsFrom(String from, long now) {
    return from.equals(host) && now - until < 0;
  }

  /** A host has the object. */
  void reset() {
    host = null;
  }
}
