package dev.seriatim.service.access;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSet;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWT;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.JWTParser;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.jwt.proc.ExpiredJWTException;
import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Caller;
import dev.seriatim.service.JwtOptions;
import java.text.ParseException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Knows callers by JSON web tokens. Safe for any number of threads. */
public final class JwtTokens extends Bearer {
  /** Those with a public key. With others, whoever can verify a token can make one. */
  static final ImmutableSet<JWSAlgorithm> ALGORITHMS =
      ImmutableSet.of(
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512,
          JWSAlgorithm.ES256,
          JWSAlgorithm.ES384,
          JWSAlgorithm.ES512);

  /** The library lets characters pass that are in no base 64. */
  private static final Pattern COMPACT = Pattern.compile("[\\w-]+(\\.[\\w-]*){2,4}");

  /** Of what the library says of a token, this much is told. */
  private static final int MOST_CHARACTERS = 200;

  private final JwtOptions options;
  private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

  /**
   * The tokens with these options.
   *
   * @throws IllegalArgumentException if the keys are in a file that can't be read, or has none
   */
  public JwtTokens(JwtOptions options, InstantSource clock) {
    this.options = options;
    // RFC 9068 calls access tokens at+jwt; many call theirs nothing.
    processor.setJWSTypeVerifier(
        new DefaultJOSEObjectTypeVerifier<>(
            JOSEObjectType.JWT, new JOSEObjectType("at+jwt"), null));
    processor.setJWSKeySelector(
        new JWSVerificationKeySelector<>(ALGORITHMS, JwtKeys.source(options)));
    processor.setJWTClaimsSetVerifier(claims(options, clock));
  }

  private static DefaultJWTClaimsVerifier<SecurityContext> claims(
      JwtOptions options, InstantSource clock) {
    DefaultJWTClaimsVerifier<SecurityContext> verifier =
        new DefaultJWTClaimsVerifier<>(
            options.audience(),
            new JWTClaimsSet.Builder().issuer(options.issuer()).build(),
            ImmutableSet.of("sub", "exp")) {
          @Override
          protected Date currentTime() {
            return Date.from(clock.instant());
          }
        };
    verifier.setMaxClockSkew((int) options.clockSkew().toSeconds());
    return verifier;
  }

  @Override
  Optional<Verified> authenticate(String token) throws AuthenticationException {
    if (!COMPACT.matcher(token).matches()) {
      return Optional.empty();
    }
    JWT parsed;
    try {
      parsed = JWTParser.parse(token);
    } catch (ParseException | RuntimeException e) {
      return Optional.empty(); // What it says has a piece of the token in it.
    }
    if (!(parsed instanceof SignedJWT signed)) {
      throw AuthenticationException.refused("the token is not signed");
    }
    if (!ALGORITHMS.contains(signed.getHeader().getAlgorithm())) {
      throw AuthenticationException.refused(
          "the token is signed with another algorithm than one of " + ALGORITHMS);
    }
    try {
      return Optional.of(verified(processor.process(signed, null)));
    } catch (ExpiredJWTException e) {
      throw AuthenticationException.expired("the token has expired");
    } catch (BadJWTException e) {
      throw AuthenticationException.refused("the token doesn't count: " + shortened(e));
    } catch (KeysUnknownException e) {
      throw AuthenticationException.refused(
          "the token is signed with a key that is not the issuer's");
    } catch (KeySourceException e) {
      throw AuthenticationException.expired(
          "the issuer's keys can't be had for now, to verify the token with");
    } catch (BadJOSEException | JOSEException | ParseException | RuntimeException e) {
      throw AuthenticationException.refused("the token's signature doesn't count");
    }
  }

  private Verified verified(JWTClaimsSet claims) throws AuthenticationException, ParseException {
    String name = claims.getSubject();
    Date end = claims.getExpirationTime();
    if (name == null || name.isBlank() || end == null) {
      throw AuthenticationException.refused("the token has no subject, expected one");
    }
    ImmutableMap.Builder<String, String> said = ImmutableMap.builder();
    claims
        .getClaims()
        .forEach(
            (claim, value) -> {
              if (value instanceof String || value instanceof Number || value instanceof Boolean) {
                said.put(claim, value.toString());
              }
            });
    Instant until = end.toInstant().plus(options.clockSkew());
    return new Verified(
        Caller.ofToken(name, groups(claims), said.buildOrThrow()), Optional.of(until));
  }

  private ImmutableSet<String> groups(JWTClaimsSet claims) throws AuthenticationException {
    Object groups = claims.getClaim(options.groupsClaim());
    if (groups == null) {
      return ImmutableSet.of();
    }
    ImmutableSet.Builder<String> names = ImmutableSet.builder();
    if (groups instanceof List<?> list) {
      for (Object name : list) {
        if (!(name instanceof String text)) {
          throw notGroups();
        }
        names.add(text);
      }
      return names.build();
    }
    throw notGroups();
  }

  private AuthenticationException notGroups() {
    return AuthenticationException.refused(
        "the token's claim '%s' is no list of strings".formatted(options.groupsClaim()));
  }

  private static String shortened(Exception e) {
    @Nullable String message = e.getMessage();
    String text = String.valueOf(message);
    return text.length() <= MOST_CHARACTERS ? text : text.substring(0, MOST_CHARACTERS) + "…";
  }
}
