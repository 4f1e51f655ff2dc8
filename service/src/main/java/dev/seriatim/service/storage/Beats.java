package dev.seriatim.service.storage;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one host knows of the beats of the others that share its store, and so which of them may be
 * buried: those whose beat it has seen unchanged for a whole lease while it was in contact itself.
 *
 * <p>A host is certain of what it owns until a little less than a lease after the moment before it
 * sent a renewal. This host saw that renewal after it was sent, and acts a whole lease later; so
 * the other one has stopped to be certain by then. No clock that tells the time of day occurs, and
 * the monotonic clocks may run at rates that differ by two in a hundred.
 *
 * <p>To be in contact means that this host's own renewals succeed, and in time. After the store was
 * away for long, nobody could renew; all begin anew then, and nobody is buried for a lease.
 *
 * <p>Decides, and has neither thread nor clock: times are what the caller's ticker says, in
 * nanoseconds. Owned by the thread of the lease.
 */
final class Beats {
  /**
   * Another host, as its row says.
   *
   * @param sign what changes with each of its beats, and is never the same again
   * @param leaseNanos how long it may be certain after a beat
   * @param slots how many slots it thought it owned when it made that beat
   */
  record Other(String host, String sign, long leaseNanos, int slots) {}

  private record Seen(Other other, long since) {}

  private final long leaseNanos;

  /** Contact is lost if this much time lies between two of this host's renewals. */
  private final long contactNanos;

  private final Map<String, Seen> seen = new HashMap<>();

  /** When the last of this host's renewals that succeeded was sent; null before the first. */
  private @Nullable Long renewed;

  private boolean looked;

  /** Since when there was always contact, and no other host. Null if there was one just now. */
  private @Nullable Long aloneSince;

  Beats(long leaseNanos) {
    this.leaseNanos = leaseNanos;
    this.contactNanos = leaseNanos / 2;
  }

  /** A renewal of this host's, which was sent then, has succeeded by now. */
  void renewed(long sent, long now) {
    if (renewed == null || sent - renewed > contactNanos || now - sent > contactNanos) {
      beginAnew(now);
    }
    renewed = sent;
  }

  /** What is known of the others doesn't count any more. */
  void beginAnew(long now) {
    seen.replaceAll((host, known) -> new Seen(known.other, now));
    aloneSince = null;
  }

  /** These are all the others that there are; the answer has come by now. */
  void look(List<Other> others, long now) {
    Map<String, Seen> before = Map.copyOf(seen);
    seen.clear();
    for (Other other : others) {
      Seen known = before.get(other.host);
      seen.put(
          other.host,
          known != null && known.other.sign.equals(other.sign) ? known : new Seen(other, now));
    }
    if (!others.isEmpty()) {
      aloneSince = null;
    } else if (!looked) {
      // Whoever was there has left, or was buried, before this host came.
      aloneSince = now - leaseNanos;
    } else if (aloneSince == null) {
      aloneSince = now;
    }
    looked = true;
  }

  /** Those that may be buried now. */
  List<Other> silent(long now) {
    List<Other> silent = new ArrayList<>();
    if (renewed != null && now - renewed <= contactNanos) {
      for (Seen known : seen.values()) {
        if (now - known.since >= Math.max(leaseNanos, known.other.leaseNanos)) {
          silent.add(known.other);
        }
      }
    }
    return silent;
  }

  /** Whether this host has beaten within its lease, as far as is known. */
  boolean isHeard(String host, long now) {
    Seen known = seen.get(host);
    return known != null && now - known.since < Math.max(leaseNanos, known.other.leaseNanos);
  }

  /** Whether some host has been silent for so long that it may soon be buried. */
  boolean isSomeoneLate(long now) {
    return seen.values().stream()
        .anyMatch(known -> now - known.since >= Math.max(leaseNanos, known.other.leaseNanos) / 2);
  }

  /** Whether no other host can be certain of anything: there was none for a whole lease. */
  boolean isAlone(long now) {
    return aloneSince != null
        && now - aloneSince >= leaseNanos
        && renewed != null
        && now - renewed <= contactNanos;
  }
}
