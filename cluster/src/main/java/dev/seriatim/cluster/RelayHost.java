package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a relay uses of its edge. Safe for any number of threads. */
interface RelayHost {
  /** The edge's clock. */
  long nanos();

  /** How long a stub waits while no host has its object. */
  Duration patience();

  /** How long what an owner has said may be on its way, after it has lost the object. */
  Duration lostPatience();

  /** A way to the object, not opened yet; null if none is known. */
  @Nullable Way way(Relay relay, boolean onClientsThread);

  /** The relay is there, and has no way yet. */
  void began(Relay relay);

  /** It has a way. */
  void found(Relay relay);

  /**
   * It has none any more. The next one is looked for when the object is known to be elsewhere, and
   * from time to time: not at once, for a host that can't be reached would be tried without end.
   */
  void waits(Relay relay);

  /**
   * It breaks while it waits. Of those that break elsewhere the owner of the object tells, if it
   * isn't {@linkplain #lost lost}.
   *
   * @param undelivered what waits, and comes to no owner
   * @param waited for how long
   */
  void broke(Relay relay, List<StubFrame> undelivered, Duration waited, BreakCause cause);

  /** Its owner is lost, and it ends without a word on what ran. */
  void lost(Relay relay);

  /** It has ended. */
  void ended(Relay relay);

  /**
   * Takes room for a frame that is to be kept.
   *
   * @param count how many invocations it has
   * @return why there is none, or null
   */
  @Nullable String takeRoom(int count, long room);

  /** Gives room back that was taken. */
  void giveRoom(int count, long room);
}
