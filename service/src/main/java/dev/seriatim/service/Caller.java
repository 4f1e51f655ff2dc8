package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Who makes a call, as far as it is known. A value.
 *
 * <p>Two callers are the same one if their kind and name are, whatever groups and claims they come
 * with today: that is who a session and an idempotency key belong to.
 *
 * @param kind how the caller is known
 * @param name what it is called; empty for one that is {@link Kind#ANONYMOUS}
 * @param groups what it belongs to
 * @param claims what else is said of it, by the names that its token has for it
 * @param origin who began the chain of calls, if the caller is an object
 */
public record Caller(
    Kind kind,
    String name,
    Set<String> groups,
    Map<String, String> claims,
    Optional<Caller> origin) {
  /** How a caller is known. */
  public enum Kind {
    /** Not at all. */
    ANONYMOUS,
    /** By a token that it has shown. */
    TOKEN,
    /** By the certificate of its connection. */
    CERTIFICATE,
    /** It is another object, in the middle of a turn; its {@link Caller#origin} began the chain. */
    OBJECT,
    /** It is the host itself: an alarm runs. */
    HOST
  }

  private static final Caller ALARM =
      new Caller(Kind.HOST, "alarm", Set.of(), Map.of(), Optional.empty());

  private static final Caller ANONYMOUS =
      new Caller(Kind.ANONYMOUS, "", Set.of(), Map.of(), Optional.empty());

  /** A caller. Sets and maps are copied. */
  public Caller {
    checkArgument(
        name.isEmpty() == (kind == Kind.ANONYMOUS),
        "name '%s' of a caller who is %s, expected one for whoever is known, and for nobody else",
        name,
        kind);
    groups = ImmutableSet.copyOf(groups);
    claims = ImmutableMap.copyOf(claims);
  }

  /** Nobody known. */
  public static Caller anonymous() {
    return ANONYMOUS;
  }

  /** Whoever has this token. */
  public static Caller ofToken(String name, Set<String> groups, Map<String, String> claims) {
    return new Caller(Kind.TOKEN, name, groups, claims, Optional.empty());
  }

  /** Whoever has the certificate with this name. */
  public static Caller ofCertificate(String name) {
    return new Caller(
        Kind.CERTIFICATE, name, ImmutableSet.of(), ImmutableMap.of(), Optional.empty());
  }

  /** The host, which runs an alarm. */
  public static Caller alarm() {
    return ALARM;
  }

  /**
   * Another object.
   *
   * @param name {@code NAMESPACE/NAME}, or {@code NAMESPACE/id:HEX} if its name isn't known
   * @param origin who began the chain of calls; empty if nobody known did
   */
  public static Caller ofObject(String name, Optional<Caller> origin) {
    return new Caller(Kind.OBJECT, name, ImmutableSet.of(), ImmutableMap.of(), origin);
  }

  /** Whether that is the same one, with other groups and claims maybe. */
  public boolean isSameAs(Caller other) {
    return kind == other.kind && name.equals(other.name);
  }
}
