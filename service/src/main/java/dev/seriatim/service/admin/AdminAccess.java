package dev.seriatim.service.admin;

import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.caller.HandedOn;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Says who may use the admin service for what. Safe for any number of threads. */
public final class AdminAccess {
  private final @Nullable Authorizer authorizer;
  private final boolean onLoopback;

  /**
   * With an authorizer it is this one who says so. Without, everybody may do everything who reaches
   * a host that listens on loopback alone, and nobody may do anything with any other.
   */
  public AdminAccess(@Nullable Authorizer authorizer, boolean onLoopback) {
    this.authorizer = authorizer;
    this.onLoopback = onLoopback;
  }

  /**
   * Whoever makes the call that runs on this thread has these rights. What another host hands on,
   * that host has asked.
   *
   * @throws BreakException if he hasn't
   */
  void require(Set<AdminRight> needed) throws BreakException {
    require(Identity.current().caller(), needed);
  }

  /** The same of this caller. */
  void require(Caller caller, Set<AdminRight> needed) throws BreakException {
    if (HandedOn.isCurrent()) {
      return; // The host that he has called has asked.
    }
    EnumSet<AdminRight> missing = EnumSet.copyOf(needed);
    if (authorizer != null) {
      missing.removeAll(authorizer.adminRights(caller));
    } else if (onLoopback) {
      missing.clear();
    }
    if (missing.isEmpty()) {
      return;
    }
    String right = missing.iterator().next().name().toLowerCase(Locale.ROOT);
    throw new BreakException(
        BreakCause.of(
            BreakReason.PERMISSION_DENIED,
            authorizer == null
                ? "the admin service is for loopback alone, expected a policy that gives the right"
                    + " '"
                    + right
                    + "'"
                : "the caller may not do this, expected the right '" + right + "'"));
  }
}
