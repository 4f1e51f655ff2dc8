package dev.seriatim.service;

import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Finds out who makes a call. Given to the builder of a {@link DurableObjectHost}.
 *
 * <p>Asked once for each call that a client opens: a stub is one, and so are a call that carries
 * many stubs, a call with a header, and each connection of a resumable stub. It runs on a virtual
 * thread and may block; the host remembers what it said of a bearer token for a minute at most, and
 * no longer than that {@linkplain Verified#counts counts}. Must be safe for any number of threads.
 */
@FunctionalInterface
public interface Authenticator {
  /**
   * Who shows these credentials; empty if they have nothing that this one knows about.
   *
   * @throws AuthenticationException if they do, and it doesn't count. Anything else that is thrown
   *     is an error of this authenticator, and refuses the call as well.
   */
  Optional<Verified> authenticate(Credentials credentials) throws AuthenticationException;

  /**
   * Tells this listener whenever something may not {@linkplain Verified#counts count} any more; a
   * listener is never let go. An authenticator that takes nothing back does nothing, as this does.
   */
  default void onChange(Runnable listener) {}

  /**
   * A caller who is known.
   *
   * @param caller who it is
   * @param until when the credentials run out, by the host's clock; empty if they don't. A stub
   *     that is open then ends with {@code CREDENTIALS_EXPIRED}, behind the turn that it is in
   * @param counts whether the credentials are still those of this very caller, with these groups
   *     and claims. Asked when something is opened with them, and of what is open whenever {@link
   *     #onChange} tells; must not block. A stub whose credentials don't count any more ends as one
   *     whose credentials ran out
   */
  record Verified(Caller caller, Optional<Instant> until, BooleanSupplier counts) {
    /** A caller whose credentials can't be taken back. */
    public Verified(Caller caller, Optional<Instant> until) {
      this(caller, until, ALWAYS);
    }
  }

  /** Of credentials that can't be taken back. */
  BooleanSupplier ALWAYS = () -> true;
}
