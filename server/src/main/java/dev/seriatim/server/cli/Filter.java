package dev.seriatim.server.cli;

import org.jspecify.annotations.Nullable;

/**
 * Which objects: all, those of a namespace, or those of it whose names begin so. A value.
 *
 * @param namespace empty for all
 * @param prefix empty for all
 */
record Filter(String namespace, String prefix) {
  /** How {@code --help} writes it. */
  static final String LABEL = "NAMESPACE[/PREFIX]";

  /** Reads {@code NAMESPACE} or {@code NAMESPACE/PREFIX}; null is all. */
  static Filter parse(@Nullable String text) {
    if (text == null) {
      return new Filter("", "");
    }
    int slash = text.indexOf('/');
    if (slash == 0 || text.isEmpty()) {
      throw CommandFailure.usage("'%s', expected %s".formatted(text, LABEL));
    }
    try {
      return slash < 0
          ? new Filter(text, "")
          : new Filter(text.substring(0, slash), ObjectArgument.decoded(text.substring(slash + 1)));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()));
    }
  }
}
