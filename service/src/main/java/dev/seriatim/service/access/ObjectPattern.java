package dev.seriatim.service.access;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.Caller;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A pattern of objects' names, with places for what is known of the caller. Immutable. */
final class ObjectPattern {
  private static final String CLAIM = "claims.";

  private sealed interface Part {}

  /** Text with stars. */
  private record Text(String pattern) implements Part {}

  /** The caller's name. */
  private record Name() implements Part {}

  /** A claim of the caller's. */
  private record Claim(String name) implements Part {}

  private final ImmutableList<Part> parts;

  /** The pattern, if it is the same for every caller. */
  private final @Nullable Glob same;

  private final boolean everything;

  private ObjectPattern(ImmutableList<Part> parts, @Nullable Glob same, boolean everything) {
    this.parts = parts;
    this.same = same;
    this.everything = everything;
  }

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException if it isn't one; the message says why
   */
  static ObjectPattern parse(String pattern) {
    if (pattern.isEmpty()) {
      throw new IllegalArgumentException("is empty, expected a pattern of names");
    }
    ImmutableList.Builder<Part> parts = ImmutableList.builder();
    boolean isSame = true;
    int from = 0;
    while (from < pattern.length()) {
      int at = pattern.indexOf("${", from);
      if (at < 0) {
        at = pattern.length();
      }
      if (at > from) {
        parts.add(new Text(pattern.substring(from, at)));
      }
      if (at == pattern.length()) {
        break;
      }
      int end = pattern.indexOf('}', at);
      if (end < 0) {
        throw new IllegalArgumentException("'%s' has a ${ without a }".formatted(pattern));
      }
      parts.add(variable(pattern.substring(at + 2, end)));
      isSame = false;
      from = end + 1;
    }
    return new ObjectPattern(
        parts.build(),
        isSame ? Glob.of(pattern) : null,
        pattern.chars().allMatch(character -> character == '*'));
  }

  private static Part variable(String name) {
    if (name.equals("name")) {
      return new Name();
    }
    if (name.startsWith(CLAIM) && name.length() > CLAIM.length()) {
      return new Claim(name.substring(CLAIM.length()));
    }
    throw new IllegalArgumentException(
        "'${%s}', expected ${name} or ${claims.CLAIM}".formatted(name));
  }

  /** Whether it matches every object, also those without a name. */
  boolean isEverything() {
    return everything;
  }

  /** The pattern for this caller; empty if there is none, for it lacks something. */
  Optional<Glob> fill(Caller caller) {
    if (same != null) {
      return Optional.of(same);
    }
    Glob.Builder filled = new Glob.Builder();
    for (Part part : parts) {
      String value =
          switch (part) {
            case Text text -> text.pattern();
            case Name() -> caller.name();
            case Claim claim -> caller.claims().getOrDefault(claim.name(), "");
          };
      if (part instanceof Text) {
        filled.addPattern(value);
      } else if (value.isEmpty()) {
        return Optional.empty();
      } else {
        filled.addLiteral(value);
      }
    }
    return Optional.of(filled.build());
  }
}
