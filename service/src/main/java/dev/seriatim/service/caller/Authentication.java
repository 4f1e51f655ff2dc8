package dev.seriatim.service.caller;

import com.google.common.base.Ticker;
import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;
import com.google.common.hash.HashCode;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authenticator.Verified;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Credentials;
import io.grpc.Metadata;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out who makes a call, by asking the {@link Authenticator}; what that said of a bearer token
 * is remembered for a while, so that a call with one costs a hash. Safe for any number of threads.
 */
public final class Authentication {
  private static final Logger logger = LoggerFactory.getLogger(Authentication.class);

  /** How long it is remembered who has a token. */
  static final Duration REMEMBERED = Duration.ofSeconds(60);

  /** How many tokens are remembered. */
  static final int MAX_REMEMBERED = 10_000;

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final String BEARER = "bearer ";

  private final Authenticator authenticator;
  private final InstantSource clock;
  private final Cache<HashCode, Verified> remembered;

  /** What is being found out, so that many calls with one token ask but once. */
  private final ConcurrentMap<HashCode, CompletableFuture<Optional<Verified>>> underWay =
      new ConcurrentHashMap<>();

  /**
   * Asks this authenticator.
   *
   * @param clock by which credentials run out
   */
  public Authentication(Authenticator authenticator, InstantSource clock) {
    this(authenticator, clock, Ticker.systemTicker());
  }

  Authentication(Authenticator authenticator, InstantSource clock, Ticker ticker) {
    this.authenticator = authenticator;
    this.clock = clock;
    this.remembered =
        CacheBuilder.newBuilder()
            .maximumSize(MAX_REMEMBERED)
            .expireAfterWrite(REMEMBERED)
            .ticker(ticker)
            .build();
  }

  /**
   * What credentials are remembered by: a hash of the bearer token, and of the connection's
   * certificates, which an authenticator may have gone by instead.
   *
   * @return null if they have no token, or more than one
   */
  public static @Nullable HashCode key(Credentials credentials) {
    Iterable<String> values = credentials.headers().getAll(AUTHORIZATION);
    if (values == null) {
      return null;
    }
    Iterator<String> shown = values.iterator();
    String value = shown.hasNext() ? shown.next() : "";
    if (shown.hasNext() || !value.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return null;
    }
    Hasher hasher = Hashing.sha256().newHasher();
    hasher.putString(value, StandardCharsets.UTF_8);
    try {
      for (X509Certificate certificate : credentials.certificates()) {
        hasher.putByte((byte) 0).putBytes(certificate.getEncoded());
      }
    } catch (CertificateEncodingException e) {
      return null;
    }
    return hasher.hash();
  }

  /** Whose credentials these are; null if that isn't remembered. Doesn't block. */
  public @Nullable Identity remembered(@Nullable HashCode key) {
    Verified verified = key == null ? null : remembered.getIfPresent(key);
    return verified == null || hasRunOut(verified) || !verified.counts().getAsBoolean()
        ? null
        : Identity.of(verified);
  }

  private boolean hasRunOut(Verified verified) {
    return verified.until().isPresent() && !clock.instant().isBefore(verified.until().get());
  }

  /** Finds out whose credentials these are. May block. */
  public Identity verify(@Nullable HashCode key, Credentials credentials) {
    try {
      return identity(key == null ? ask(credentials) : askOnce(key, credentials));
    } catch (AuthenticationException e) {
      String why = String.valueOf(e.getMessage());
      return Identity.refused(e.isRetryable() ? Refusal.expired(why) : Refusal.unknown(why));
    } catch (RuntimeException | Error e) {
      logger.warn("an authenticator threw, and the call is refused", e);
      return Identity.refused(Refusal.unknown("the credentials could not be verified"));
    }
  }

  private Identity identity(Optional<Verified> verified) {
    if (verified.isEmpty()) {
      return Identity.refused(
          Refusal.unknown("the call has no credentials that this host knows, expected some"));
    }
    return hasRunOut(verified.get())
        ? Identity.refused(Refusal.expired("the credentials have run out"))
        : Identity.of(verified.get());
  }

  /** Lets one of several that ask for the same at the same time do so, and the others wait. */
  private Optional<Verified> askOnce(HashCode key, Credentials credentials)
      throws AuthenticationException {
    CompletableFuture<Optional<Verified>> mine = new CompletableFuture<>();
    CompletableFuture<Optional<Verified>> before = underWay.putIfAbsent(key, mine);
    if (before != null) {
      Optional<Verified> answer = before.join();
      return answer.isPresent() ? answer : ask(credentials);
    }
    Optional<Verified> ofToken = Optional.empty();
    try {
      Optional<Verified> answer = ask(credentials);
      ofToken = answer.filter(verified -> verified.caller().kind() == Caller.Kind.TOKEN);
      ofToken.ifPresent(verified -> remembered.put(key, verified));
      return answer;
    } finally {
      underWay.remove(key, mine);
      mine.complete(ofToken);
    }
  }

  private Optional<Verified> ask(Credentials credentials) throws AuthenticationException {
    return authenticator.authenticate(credentials);
  }
}
