package dev.seriatim.service.admin;

import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Set;

/**
 * What the caller of a call of many messages needs for as long as that goes on: credentials that
 * count, and rights. Immutable.
 */
final class StreamRights {
  /** How often it is looked whether they are still there while nothing can be sent. */
  static final Duration LOOK = Duration.ofSeconds(1);

  private final AdminAccess access;
  private final Set<AdminRight> rights;
  private final InstantSource clock;
  private final Identity identity = Identity.current();

  /**
   * Those of whoever makes the call that runs on this thread, who has them now.
   *
   * @param clock by which credentials run out
   * @throws BreakException if he hasn't
   */
  StreamRights(AdminAccess access, Set<AdminRight> rights, InstantSource clock)
      throws BreakException {
    this.access = access;
    this.rights = rights;
    this.clock = clock;
    access.require(identity.caller(), rights);
  }

  /**
   * They are still there.
   *
   * @throws BreakException if they aren't; it says which way they went
   */
  void look() throws BreakException {
    Instant until = identity.until();
    if (until != null && !clock.instant().isBefore(until)) {
      throw expired("the caller's credentials have run out");
    }
    if (!identity.counts().getAsBoolean()) {
      throw expired("the caller's credentials were taken back, or say something else by now");
    }
    access.require(identity.caller(), rights);
  }

  private static BreakException expired(String message) {
    return new BreakException(BreakCause.of(BreakReason.CREDENTIALS_EXPIRED, message));
  }
}
