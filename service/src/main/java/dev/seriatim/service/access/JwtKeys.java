package dev.seriatim.service.access;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.JWKSetCacheRefreshEvaluator;
import com.nimbusds.jose.jwk.source.JWKSetSource;
import com.nimbusds.jose.jwk.source.JWKSetSourceWrapper;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.jwk.source.URLBasedJWKSetSource;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import dev.seriatim.service.Authenticators;
import dev.seriatim.service.JwtOptions;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Where the keys are from that tokens are verified with. */
final class JwtKeys {
  private static final int MAX_BYTES = 1 << 20;

  /** How long before the end of their life keys are fetched, as a part of that. */
  private static final int AHEAD = 10;

  private JwtKeys() {}

  static JWKSource<SecurityContext> source(JwtOptions options) {
    return options.areKeysFetched() ? fetched(options) : inFile(Path.of(options.keys()));
  }

  private static JWKSource<SecurityContext> inFile(Path path) {
    WatchedFile<JWKSet> file = new WatchedFile<>("key set", path, JwtKeys::parse);
    return (selector, _) ->
        selector.select(file.current(Authenticators.DEFAULT_LOOK, System::nanoTime));
  }

  private static JWKSet parse(String text) {
    JWKSet keys;
    try {
      keys = JWKSet.parse(text);
    } catch (ParseException e) {
      throw new IllegalArgumentException("no JSON web key set: " + e.getMessage(), e);
    }
    JWKSet known = keys.toPublicJWKSet();
    if (known.isEmpty()) {
      throw new IllegalArgumentException("has no public key, expected at least one");
    }
    return known;
  }

  private static JWKSource<SecurityContext> fetched(JwtOptions options) {
    int millis = (int) options.fetchLimit().toMillis();
    JWKSetSource<SecurityContext> remote =
        new URLBasedJWKSetSource<>(
            url(options.keys()), new DefaultResourceRetriever(millis, millis, MAX_BYTES));
    Freshness fresh = new Freshness(remote);
    long lifetime = options.keysLifetime().toMillis();
    // Daemons: nothing has to be closed for a program to end.
    ExecutorService fetcher =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("seriatim-keys").factory());
    JWKSource<SecurityContext> source =
        JWKSourceBuilder.create(fresh)
            // The library wants each of these times to be shorter than the lifetime.
            .cache(lifetime, Math.min(3L * millis, lifetime / 2))
            .refreshAheadCache(lifetime / AHEAD, null, fetcher, false, null, false)
            .rateLimited(Math.min(options.fetchInterval().toMillis(), lifetime / 2))
            .retrying(true)
            .outageTolerant(lifetime + options.outageTolerance().toMillis())
            .build();
    return (selector, context) -> {
      try {
        List<JWK> keys = source.get(selector, context);
        if (keys.isEmpty() && !fresh.succeeded) {
          // Old keys are used in an outage; a new one can't be told from a foreign one then.
          throw new KeySourceException(
              "the key is not among the old ones, and they can't be fetched");
        }
        return keys;
      } catch (RateLimitReachedException e) {
        throw fresh.succeeded ? new KeysUnknownException(e) : e;
      }
    };
  }

  private static URL url(String keys) {
    try {
      return URI.create(keys).toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException("keys '%s': %s".formatted(keys, e.getMessage()), e);
    }
  }

  /** Knows whether the last fetch succeeded. */
  private static final class Freshness extends JWKSetSourceWrapper<SecurityContext> {
    private volatile boolean succeeded;

    Freshness(JWKSetSource<SecurityContext> source) {
      super(source);
    }

    @Override
    public JWKSet getJWKSet(
        JWKSetCacheRefreshEvaluator refresh, long currentTime, SecurityContext context)
        throws KeySourceException {
      boolean fetched = false;
      try {
        JWKSet keys = getSource().getJWKSet(refresh, currentTime, context);
        fetched = true;
        return keys;
      } finally {
        succeeded = fetched;
      }
    }
  }
}
