package dev.seriatim.server.project;

import com.google.common.base.Ascii;
import com.google.common.base.CharMatcher;
import com.google.common.base.Splitter;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableSet;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a new project is called. Immutable.
 *
 * @param name of the folder and of what Maven makes
 * @param packageName of the Java code, and of the messages
 */
record ProjectName(String name, String packageName) {
  private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9_-]{0,63}");
  private static final Pattern PART = Pattern.compile("[a-z][a-z0-9_]*");

  /** What a package without a name of its own is below. */
  private static final String EXAMPLE = "com.example.";

  /** No code of a project may be below these: it would be taken for that of the JDK or the host. */
  private static final ImmutableList<String> TAKEN =
      ImmutableList.of(
          "java.",
          "javax.",
          "com.google.common.",
          "com.google.protobuf.",
          "com.google.rpc.",
          "dev.seriatim.",
          "io.grpc.",
          "io.opentelemetry.",
          "org.slf4j.");

  private static final ImmutableSet<String> KEYWORDS =
      ImmutableSet.copyOf(
          Splitter.on(' ')
              .split(
                  "abstract assert boolean break byte case catch char class const continue default"
                      + " do double else enum extends false final finally float for goto if"
                      + " implements import instanceof int interface long native new null package"
                      + " private protected public return short static strictfp super switch"
                      + " synchronized this throw throws transient true try void volatile while"));

  /**
   * Checks both.
   *
   * @param packageName none for one that is made of the name
   * @throws IllegalArgumentException if they can't be; the message says what was expected
   */
  static ProjectName of(String name, Optional<String> packageName) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "name '%s', expected 1 to 64 lower-case letters, digits, '-' and '_', a letter first"
              .formatted(name));
    }
    String chosen = packageName.orElseGet(() -> EXAMPLE + CharMatcher.anyOf("-_").removeFrom(name));
    for (String part : Splitter.on('.').split(chosen)) {
      if (!PART.matcher(part).matches()) {
        throw new IllegalArgumentException(
            "package '%s', expected lower-case letters, digits and '_', a letter first, in parts"
                    .formatted(chosen)
                + " with a dot between them, such as org.acme.things");
      }
      if (KEYWORDS.contains(part)) {
        throw new IllegalArgumentException(
            "package '%s': '%s' is a word of Java's own%s"
                .formatted(
                    chosen, part, packageName.isPresent() ? "" : ", expected --package another"));
      }
    }
    for (String taken : TAKEN) {
      if (Ascii.toLowerCase(chosen + ".").startsWith(taken)) {
        throw new IllegalArgumentException(
            "package '%s', expected one that isn't below '%s'"
                .formatted(chosen, taken.substring(0, taken.length() - 1)));
      }
    }
    return new ProjectName(name, chosen);
  }

  /** The folder of the package's sources, below those of others. */
  String folder() {
    return packageName.replace('.', '/');
  }
}
