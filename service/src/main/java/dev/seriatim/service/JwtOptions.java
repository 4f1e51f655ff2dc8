package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.errorprone.annotations.CheckReturnValue;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.time.Duration;

/**
 * Which JSON web tokens count. Immutable; each {@code with} method gives a changed copy.
 *
 * @param keys where the issuer's public keys are, as a JSON web key set: an {@code https} URL, an
 *     {@code http} one of this machine, or a file, which is looked at again each {@link
 *     Authenticators#DEFAULT_LOOK}
 * @param issuer who must have made the token: its claim {@code iss}
 * @param audience whom the token must be for: one of its claim {@code aud}
 * @param groupsClaim the claim that has the caller's groups, a list of strings; default {@code
 *     groups}
 * @param clockSkew how far the issuer's clock may be from the host's; default 30 s
 * @param keysLifetime how long keys from a URL are used before they are fetched again; default 5
 *     minutes. They are fetched before that when a token names a key that isn't among them
 * @param fetchLimit how long it may take to connect for them, and then to read them; default 5 s
 * @param fetchInterval how often they are fetched at most, but for a second try; default 30 s
 * @param outageTolerance for how long old keys are used when they can't be fetched; default an hour
 */
@CheckReturnValue
public record JwtOptions(
    String keys,
    String issuer,
    String audience,
    String groupsClaim,
    Duration clockSkew,
    Duration keysLifetime,
    Duration fetchLimit,
    Duration fetchInterval,
    Duration outageTolerance) {
  private static final Duration LONGEST = Duration.ofDays(7);

  /** Checks each. */
  public JwtOptions {
    checkArgument(!keys.isEmpty(), "keys are '', expected a file or a URL");
    checkArgument(!issuer.isEmpty(), "issuer is '', expected what the tokens have as their iss");
    checkArgument(
        !audience.isEmpty(), "audience is '', expected what the tokens have in their aud");
    checkArgument(!groupsClaim.isEmpty(), "groupsClaim is '', expected the name of a claim");
    checkArgument(
        !clockSkew.isNegative() && clockSkew.compareTo(Duration.ofMinutes(10)) <= 0,
        "clockSkew: %s, expected between 0 and 10 minutes",
        clockSkew);
    between("keysLifetime", keysLifetime);
    between("fetchLimit", fetchLimit);
    between("fetchInterval", fetchInterval);
    between("outageTolerance", outageTolerance);
    if (isUrl(keys)) {
      checkUrl(keys);
    }
  }

  private static void between(String name, Duration duration) {
    checkArgument(
        duration.isPositive() && duration.compareTo(LONGEST) <= 0,
        "%s: %s, expected more than 0 and at most %s days",
        name,
        duration,
        LONGEST.toDays());
  }

  /** Who can change what comes over plain HTTP can make tokens. */
  private static void checkUrl(String keys) {
    try {
      URI url = new URI(keys);
      checkArgument(url.getHost() != null, "keys '%s', expected a URL with a host", keys);
      checkArgument(
          url.getScheme().equals("https")
              || InetAddress.getByName(url.getHost()).isLoopbackAddress(),
          "keys '%s' in plain text from another machine, expected https",
          keys);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("keys '%s': %s".formatted(keys, e.getMessage()), e);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(
          "keys '%s': there is no host of that name".formatted(keys), e);
    }
  }

  private static boolean isUrl(String keys) {
    return keys.startsWith("http://") || keys.startsWith("https://");
  }

  /**
   * The tokens of this issuer for this audience, with every default.
   *
   * @param keys a file, or a URL
   */
  public static JwtOptions of(String keys, String issuer, String audience) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        "groups",
        Duration.ofSeconds(30),
        Duration.ofMinutes(5),
        Duration.ofSeconds(5),
        Duration.ofSeconds(30),
        Duration.ofHours(1));
  }

  /** Whether the keys are fetched; else they are in a file. */
  public boolean areKeysFetched() {
    return isUrl(keys);
  }

  /** A copy with another {@link #groupsClaim}. */
  public JwtOptions withGroupsClaim(String value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        value,
        clockSkew,
        keysLifetime,
        fetchLimit,
        fetchInterval,
        outageTolerance);
  }

  /** A copy with another {@link #clockSkew}. */
  public JwtOptions withClockSkew(Duration value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        groupsClaim,
        value,
        keysLifetime,
        fetchLimit,
        fetchInterval,
        outageTolerance);
  }

  /** A copy with another {@link #keysLifetime}. */
  public JwtOptions withKeysLifetime(Duration value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        groupsClaim,
        clockSkew,
        value,
        fetchLimit,
        fetchInterval,
        outageTolerance);
  }

  /** A copy with another {@link #fetchLimit}. */
  public JwtOptions withFetchLimit(Duration value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        groupsClaim,
        clockSkew,
        keysLifetime,
        value,
        fetchInterval,
        outageTolerance);
  }

  /** A copy with another {@link #fetchInterval}. */
  public JwtOptions withFetchInterval(Duration value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        groupsClaim,
        clockSkew,
        keysLifetime,
        fetchLimit,
        value,
        outageTolerance);
  }

  /** A copy with another {@link #outageTolerance}. */
  public JwtOptions withOutageTolerance(Duration value) {
    return new JwtOptions(
        keys,
        issuer,
        audience,
        groupsClaim,
        clockSkew,
        keysLifetime,
        fetchLimit,
        fetchInterval,
        value);
  }
}
