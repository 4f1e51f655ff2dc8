package dev.seriatim.service;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.access.CertificateNames;
import dev.seriatim.service.access.FirstOf;
import dev.seriatim.service.access.JwtTokens;
import dev.seriatim.service.access.TokenFile;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;

/** Authenticators that are there already. Each is safe for any number of threads. */
public final class Authenticators {
  /** How often a file of tokens is looked at, if there is no reason for another time. */
  public static final Duration DEFAULT_LOOK = Duration.ofSeconds(10);

  private Authenticators() {}

  /**
   * The first one that knows the credentials decides, also if it refuses them. A bearer token that
   * neither {@link #tokens} nor {@link #jwt} knows is refused, though a certificate is shown, too.
   */
  public static Authenticator firstOf(Authenticator... authenticators) {
    return new FirstOf(ImmutableList.copyOf(authenticators));
  }

  /**
   * Knows callers by the certificate of their connection, which the transport has verified. The
   * caller's name is the first URI among the certificate's alternative names (SPIFFE ids are URIs:
   * {@code spiffe://acme/billing}); without one, the first DNS name; without one, the common name
   * of its subject.
   */
  public static Authenticator certificate() {
    return new CertificateNames();
  }

  /**
   * Knows callers by the bearer tokens that this file has the hashes of, a JSON object per line:
   *
   * <pre>{@code
   * {"sha256": "…64 hex digits…", "name": "ci", "groups": ["deploy"], "claims": {"tenant": "acme"}}
   * }</pre>
   *
   * <p>Groups and claims may be missing; empty lines and lines that begin with {@code #} don't
   * count. The file is looked at again each {@link #DEFAULT_LOOK}. Once it is bad, what it said
   * before stays in force, and that is logged. A token that was taken out opens no stub any more,
   * and stubs that were opened with it, or with one whose line says something else by now, end with
   * {@code CREDENTIALS_EXPIRED}, behind the turns that they are in.
   *
   * @throws IllegalArgumentException if the file can't be read, or is none of tokens: the message
   *     says which file, which line, and what was expected
   */
  public static Authenticator tokens(Path file) {
    return tokens(file, DEFAULT_LOOK);
  }

  /** The same, looked at each so often. */
  public static Authenticator tokens(Path file, Duration every) {
    return new TokenFile(file, DurationRange.positive("every", every));
  }

  /**
   * Knows callers by JSON web tokens of an issuer. A token's subject is the caller's name. Must be
   * signed with RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512, and say when it
   * runs out.
   *
   * <p>The keys are fetched when they are needed first. While they can't be, callers are told
   * {@code CREDENTIALS_EXPIRED}, and may try again.
   *
   * @throws IllegalArgumentException if the keys are in a file that can't be read, or has none
   */
  public static Authenticator jwt(JwtOptions options) {
    return new JwtTokens(options, InstantSource.system());
  }
}
