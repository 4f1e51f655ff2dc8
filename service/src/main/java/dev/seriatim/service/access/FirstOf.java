package dev.seriatim.service.access;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Caller.Kind;
import dev.seriatim.service.Credentials;
import java.util.Optional;

/** Asks one after the other. Immutable. */
public final class FirstOf implements Authenticator {
  private final ImmutableList<Authenticator> authenticators;

  /** Asks these, in this order. */
  public FirstOf(ImmutableList<Authenticator> authenticators) {
    this.authenticators = authenticators;
  }

  @Override
  public void onChange(Runnable listener) {
    authenticators.forEach(authenticator -> authenticator.onChange(listener));
  }

  @Override
  public Optional<Verified> authenticate(Credentials credentials) throws AuthenticationException {
    boolean unknownToken = false;
    for (Authenticator authenticator : authenticators) {
      Optional<Verified> verified = authenticator.authenticate(credentials);
      if (verified.isPresent()) {
        if (unknownToken && verified.get().caller().kind() == Kind.CERTIFICATE) {
          break; // Who shows a token wants to be whom it says, or nobody.
        }
        return verified;
      }
      unknownToken |= authenticator instanceof Bearer && Bearer.token(credentials).isPresent();
    }
    if (unknownToken) {
      throw AuthenticationException.refused("the bearer token is not one that is known here");
    }
    return Optional.empty();
  }
}
