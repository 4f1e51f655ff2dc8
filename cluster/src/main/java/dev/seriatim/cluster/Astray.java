package dev.seriatim.cluster;

import java.time.Duration;

/** For how long a way has led where the object isn't any more. Guarded by its relay. */
final class Astray {
  private boolean is;
  private long since;

  boolean is() {
    return is;
  }

  /** Another way has been found. */
  void reset() {
    is = false;
  }

  /**
   * The way was looked at.
   *
   * @return whether it is lost: what the old owner has said may be on its way for no longer than so
   */
  boolean look(boolean leadsToOwner, long now, Duration patience) {
    if (leadsToOwner) {
      is = false;
    } else if (!is) {
      is = true;
      since = now;
    }
    return is && now - since >= patience.toNanos();
  }
}
