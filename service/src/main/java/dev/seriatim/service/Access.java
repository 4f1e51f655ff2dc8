package dev.seriatim.service;

import com.google.common.collect.ImmutableSet;
import java.util.Set;

/** What a caller may do with an object. A value. */
public sealed interface Access {
  /** To call every method of it. */
  static Access all() {
    return new All();
  }

  /**
   * To call these methods, by their names without that of the service. None at all is {@link
   * #denied}.
   */
  static Access methods(Set<String> names) {
    return names.isEmpty() ? denied() : new Methods(names);
  }

  /** Nothing. */
  static Access denied() {
    return new Denied();
  }

  /** All methods. */
  record All() implements Access {}

  /**
   * Some methods.
   *
   * @param names their names, without that of the service
   */
  record Methods(Set<String> names) implements Access {
    /** Some methods. The set is copied. */
    public Methods {
      names = ImmutableSet.copyOf(names);
    }
  }

  /** Nothing. */
  record Denied() implements Access {}
}
