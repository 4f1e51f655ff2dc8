package dev.seriatim.service.access;

import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Credentials;
import io.grpc.Metadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Knows callers by their bearer tokens: the header {@code authorization: Bearer TOKEN}. */
abstract class Bearer implements Authenticator {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final String SCHEME = "bearer ";

  @Override
  public final Optional<Verified> authenticate(Credentials credentials)
      throws AuthenticationException {
    Optional<String> token = token(credentials);
    return token.isPresent() ? authenticate(token.get()) : Optional.empty();
  }

  /** The caller with this token, which isn't empty; empty if it isn't one that is known here. */
  abstract Optional<Verified> authenticate(String token) throws AuthenticationException;

  /**
   * The token that is shown.
   *
   * @throws AuthenticationException if there are several, or it is empty
   */
  static Optional<String> token(Credentials credentials) throws AuthenticationException {
    Iterable<String> headers = credentials.headers().getAll(AUTHORIZATION);
    if (headers == null) {
      return Optional.empty();
    }
    List<String> tokens = new ArrayList<>();
    for (String header : headers) {
      if (header.regionMatches(/* ignoreCase= */ true, 0, SCHEME, 0, SCHEME.length())) {
        tokens.add(header.substring(SCHEME.length()).strip());
      }
    }
    if (tokens.isEmpty()) {
      return Optional.empty();
    }
    if (tokens.size() > 1) {
      throw AuthenticationException.refused(
          "%d bearer tokens, expected one".formatted(tokens.size()));
    }
    if (tokens.get(0).isEmpty()) {
      throw AuthenticationException.refused("the bearer token is empty");
    }
    return Optional.of(tokens.get(0));
  }
}
