package dev.seriatim.service;

import java.time.Instant;
import java.util.Optional;

/**
 * Finds out who makes a call. Given to the builder of a {@link DurableObjectHost}.
 *
 * <p>Asked once for each call that a client opens: a stub is one, and so are a call that carries
 * many stubs, a call with a header, and each connection of a resumable stub. It runs on a virtual
 * thread and may block; the host remembers what it said of a bearer token for a minute at most.
 * Must be safe for any number of threads.
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
   * A caller who is known.
   *
   * @param caller who it is
   * @param until when the credentials run out, by the host's clock; empty if they don't. A stub
   *     that is open then ends with {@code CREDENTIALS_EXPIRED}, behind the turn that it is in
   */
  record Verified(Caller caller, Optional<Instant> until) {}
}
