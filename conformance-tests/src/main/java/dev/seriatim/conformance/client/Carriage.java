package dev.seriatim.conformance.client;

import com.google.common.collect.ImmutableSet;
import dev.seriatim.conformance.v1.ClientCase;

/** How the stubs of a client are carried. */
enum Carriage {
  /** Each by a call of its own. */
  OWN_CALLS("own-call"),

  /** All by one call, unless the case says by how many. */
  SHARED_CALLS("shared-calls");

  private static final ImmutableSet<String> KNOWN =
      ImmutableSet.of(OWN_CALLS.requirement, SHARED_CALLS.requirement);

  private final String requirement;

  Carriage(String requirement) {
    this.requirement = requirement;
  }

  /** What a case may require of how stubs are carried. */
  static ImmutableSet<String> requirements() {
    return KNOWN;
  }

  /** Whether the case is one of those that are played so. */
  boolean plays(ClientCase testCase) {
    return testCase.getRequiresList().stream()
        .filter(KNOWN::contains)
        .allMatch(requirement::equals);
  }

  /** The case, with the option that carries its stubs so. */
  ClientCase of(ClientCase testCase) {
    if (this == OWN_CALLS || testCase.getOptions().getSharedCalls() > 0) {
      return testCase;
    }
    ClientCase.Builder shared = testCase.toBuilder();
    shared.getOptionsBuilder().setSharedCalls(1);
    return shared.build();
  }
}
