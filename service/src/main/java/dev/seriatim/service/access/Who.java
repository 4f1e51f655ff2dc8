package dev.seriatim.service.access;

import dev.seriatim.service.Caller;
import dev.seriatim.service.Caller.Kind;

/** Whom a rule is for. Immutable. */
final class Who {
  private enum By {
    ANYONE,
    NAME,
    GROUP,
    TOKEN,
    CERTIFICATE
  }

  private final By by;
  private final Glob pattern;

  private Who(By by, String pattern) {
    this.by = by;
    this.pattern = Glob.of(pattern);
  }

  /**
   * Reads one: {@code *}, {@code NAME}, {@code name:NAME}, {@code group:GROUP}, {@code token:NAME}
   * or {@code cert:NAME}.
   *
   * @throws IllegalArgumentException if it isn't one; the message says why
   */
  static Who parse(String text) {
    if (text.equals("*")) {
      return new Who(By.ANYONE, "*");
    }
    int colon = text.indexOf(':');
    String pattern = text.substring(colon + 1);
    if (pattern.isEmpty()) {
      throw new IllegalArgumentException("'%s' names nobody".formatted(text));
    }
    return switch (colon < 0 ? "name" : text.substring(0, colon)) {
      case "name" -> new Who(By.NAME, pattern);
      case "group" -> new Who(By.GROUP, pattern);
      case "token" -> new Who(By.TOKEN, pattern);
      case "cert" -> new Who(By.CERTIFICATE, pattern);
      default ->
          throw new IllegalArgumentException(
              "'%s', expected *, NAME, name:NAME, group:GROUP, token:NAME or cert:NAME"
                  .formatted(text));
    };
  }

  boolean is(Caller caller) {
    boolean shown = caller.kind() == Kind.TOKEN || caller.kind() == Kind.CERTIFICATE;
    return switch (by) {
      case ANYONE -> true;
      case NAME -> shown && pattern.matches(caller.name());
      case GROUP -> shown && caller.groups().stream().anyMatch(pattern::matches);
      case TOKEN -> caller.kind() == Kind.TOKEN && pattern.matches(caller.name());
      case CERTIFICATE -> caller.kind() == Kind.CERTIFICATE && pattern.matches(caller.name());
    };
  }
}
