package dev.seriatim.server.serve;

import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authenticators;
import dev.seriatim.service.JwtOptions;
import dev.seriatim.service.Policy;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Who may call the server, and what, as options. */
final class CallerOptions {
  /** What of it may be missing beyond loopback. */
  enum Insecure {
    /** TLS. */
    TRANSPORT,
    /** A way to know callers. */
    CALLERS,
    /** Both. */
    ALL
  }

  @Option(
      names = "--auth-tokens",
      paramLabel = "FILE",
      description =
          "Know callers by bearer tokens: a JSON object per line, {\"sha256\": …, \"name\": …,"
              + " \"groups\": […]}. Looked at again.")
  private @Nullable Path tokens;

  @Option(
      names = "--auth-jwks",
      paramLabel = "FILE|URL",
      description =
          "Know callers by JSON web tokens that are signed with one of these keys; with"
              + " --auth-issuer and --auth-audience.")
  private @Nullable String keys;

  @Option(
      names = "--auth-issuer",
      paramLabel = "ISS",
      description = "Who must have made them (iss).")
  private @Nullable String issuer;

  @Option(
      names = "--auth-audience",
      paramLabel = "AUD",
      description = "Whom they must be for (aud).")
  private @Nullable String audience;

  @Option(
      names = "--auth-groups-claim",
      paramLabel = "CLAIM",
      description = "Their claim that has the caller's groups. Default: groups")
  private @Nullable String groupsClaim;

  @Option(
      names = "--auth-clock-skew",
      paramLabel = "SECONDS",
      description = "How far the issuer's clock may be from this one. Default: 30")
  private @Nullable Double clockSkew;

  @Option(
      names = "--auth-keys-lifetime",
      paramLabel = "SECONDS",
      description = "How long keys from a URL are used before they are fetched again. Default: 300")
  private @Nullable Double keysLifetime;

  @Option(
      names = "--auth-fetch-limit",
      paramLabel = "SECONDS",
      description = "How long it may take to connect for them, and to read them. Default: 5")
  private @Nullable Double fetchLimit;

  @Option(
      names = "--auth-fetch-interval",
      paramLabel = "SECONDS",
      description = "How often they are fetched at most. Default: 30")
  private @Nullable Double fetchInterval;

  @Option(
      names = "--auth-outage-tolerance",
      paramLabel = "SECONDS",
      description = "For how long old keys are used when they can't be fetched. Default: 3600")
  private @Nullable Double outageTolerance;

  @Option(
      names = "--policy",
      paramLabel = "FILE",
      description =
          "Who may do what (JSON), looked at again. Without it every caller who is known may call"
              + " everything.")
  private @Nullable Path policy;

  @Option(
      names = "--insecure",
      paramLabel = "transport|callers|all",
      arity = "0..1",
      fallbackValue = "all",
      description =
          "Listen beyond loopback in plain text, for callers who aren't known, or both. With no"
              + " value: all")
  private @Nullable Insecure insecure;

  @Option(
      names = "--look-interval",
      paramLabel = "SECONDS",
      description =
          "How often the files of certificates, tokens and the policy are looked at. Default: 10")
  private double lookInterval = Policy.DEFAULT_LOOK.toSeconds();

  /** How often files are looked at. */
  Duration lookInterval() {
    if (!(lookInterval > 0)) {
      throw new IllegalArgumentException(
          "--look-interval: %s, expected more than 0".formatted(lookInterval));
    }
    return LimitOptions.seconds(lookInterval);
  }

  /**
   * Who finds out who calls; null if nobody does.
   *
   * @throws IllegalArgumentException if the options are none; it says what was expected
   */
  @Nullable Authenticator authenticator(TlsOptions tls) {
    Duration every = lookInterval();
    List<Authenticator> authenticators = new ArrayList<>();
    if (tokens != null) {
      authenticators.add(Authenticators.tokens(tokens, every));
    }
    if (keys != null) {
      authenticators.add(Authenticators.jwt(jwt(keys)));
    } else {
      refuse("--auth-issuer", issuer);
      refuse("--auth-audience", audience);
      refuse("--auth-groups-claim", groupsClaim);
      refuse("--auth-clock-skew", clockSkew);
      refuse("--auth-keys-lifetime", keysLifetime);
      refuse("--auth-fetch-limit", fetchLimit);
      refuse("--auth-fetch-interval", fetchInterval);
      refuse("--auth-outage-tolerance", outageTolerance);
    }
    if (tls.knowsClients()) {
      authenticators.add(Authenticators.certificate());
    }
    return authenticators.isEmpty()
        ? null
        : Authenticators.firstOf(authenticators.toArray(Authenticator[]::new));
  }

  private static void refuse(String option, @Nullable Object value) {
    if (value != null) {
      throw new IllegalArgumentException(option + " without --auth-jwks");
    }
  }

  private JwtOptions jwt(String from) {
    if (issuer == null || audience == null) {
      throw new IllegalArgumentException(
          "--auth-jwks without %s, expected whom the tokens must be %s"
              .formatted(
                  issuer == null ? "--auth-issuer" : "--auth-audience",
                  issuer == null ? "made by" : "for"));
    }
    JwtOptions options = JwtOptions.of(from, issuer, audience);
    if (groupsClaim != null) {
      options = options.withGroupsClaim(groupsClaim);
    }
    if (clockSkew != null) {
      options = options.withClockSkew(LimitOptions.seconds(clockSkew));
    }
    if (keysLifetime != null) {
      options = options.withKeysLifetime(LimitOptions.seconds(keysLifetime));
    }
    if (fetchLimit != null) {
      options = options.withFetchLimit(LimitOptions.seconds(fetchLimit));
    }
    if (fetchInterval != null) {
      options = options.withFetchInterval(LimitOptions.seconds(fetchInterval));
    }
    if (outageTolerance != null) {
      options = options.withOutageTolerance(LimitOptions.seconds(outageTolerance));
    }
    return options;
  }

  /**
   * Who may do what; null if everyone may do everything.
   *
   * @throws IllegalArgumentException if the file is bad
   */
  @Nullable Policy policy() {
    return policy == null ? null : Policy.watch(policy, lookInterval());
  }

  /**
   * Refuses to listen for just anyone.
   *
   * @throws IllegalArgumentException if others than this machine would reach the server, and
   *     neither is it secured nor was it said that it needn't be
   */
  void checkSecure(InetSocketAddress listen, boolean encrypted, boolean knowsCallers) {
    if (listen.getAddress().isLoopbackAddress()) {
      return;
    }
    String where = listen.getHostString() + ":" + listen.getPort();
    if (!encrypted && !allows(Insecure.TRANSPORT)) {
      throw new IllegalArgumentException(
          "refusing to listen on "
              + where
              + " in plain text: give --tls-certificate and --tls-key, or say"
              + " --insecure=transport");
    }
    if (!knowsCallers && !allows(Insecure.CALLERS)) {
      throw new IllegalArgumentException(
          "refusing to listen on "
              + where
              + " for callers who aren't known: give --tls-client-ca, --auth-tokens or --auth-jwks,"
              + " or say --insecure=callers");
    }
  }

  /** Whether pages that ask nobody who they are may be served there, in plain text. */
  boolean allowsOpenPages(InetSocketAddress listen) {
    return listen.getAddress().isLoopbackAddress() || insecure == Insecure.ALL;
  }

  private boolean allows(Insecure what) {
    return insecure == what || insecure == Insecure.ALL;
  }
}
