package dev.seriatim.service.access;

import com.google.common.collect.ImmutableList;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A pattern of literal text and stars, each of which stands for any characters and none. Immutable.
 */
final class Glob {
  /** The text before, between and behind the stars: one more than there are stars. */
  private final ImmutableList<String> texts;

  private Glob(List<String> texts) {
    this.texts = ImmutableList.copyOf(texts);
  }

  static Glob of(String pattern) {
    Builder builder = new Builder();
    builder.addPattern(pattern);
    return builder.build();
  }

  /** What it matches, if that is one text only. */
  Optional<String> literal() {
    return texts.size() == 1 ? Optional.of(texts.get(0)) : Optional.empty();
  }

  boolean matches(String text) {
    int last = texts.size() - 1;
    if (last == 0) {
      return text.equals(texts.get(0));
    }
    String prefix = texts.get(0);
    String suffix = texts.get(last);
    int end = text.length() - suffix.length();
    if (!text.startsWith(prefix) || !text.endsWith(suffix) || prefix.length() > end) {
      return false;
    }
    int from = prefix.length();
    for (String middle : texts.subList(1, last)) {
      // The first place is as good as any: what comes behind has most room then.
      int at = text.indexOf(middle, from);
      if (at < 0 || at + middle.length() > end) {
        return false;
      }
      from = at + middle.length();
    }
    return true;
  }

  /** Puts a glob together. For one thread. */
  static final class Builder {
    private final List<String> texts = new ArrayList<>();
    private @Nullable StringBuilder text = new StringBuilder();

    /** Adds text in which stars are stars. */
    void addPattern(String pattern) {
      for (int i = 0; i < pattern.length(); i++) {
        if (pattern.charAt(i) == '*') {
          texts.add(open().toString());
          text = new StringBuilder();
        } else {
          open().append(pattern.charAt(i));
        }
      }
    }

    /** Adds text that is taken as it is. */
    void addLiteral(String literal) {
      open().append(literal);
    }

    Glob build() {
      texts.add(open().toString());
      text = null;
      return new Glob(texts);
    }

    private StringBuilder open() {
      if (text == null) {
        throw new IllegalStateException("built already");
      }
      return text;
    }
  }
}
