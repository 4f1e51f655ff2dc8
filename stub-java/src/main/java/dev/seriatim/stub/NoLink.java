package dev.seriatim.stub;

import org.jspecify.annotations.Nullable;

/** What carries a stub that has no connection at the moment. */
final class NoLink extends Link {
  static final NoLink INSTANCE = new NoLink();

  private NoLink() {
    super(ClientOptions.defaults());
  }

  @Override
  @Nullable Link claim() {
    return null;
  }

  @Override
  @Nullable Link claimForCall() {
    return null;
  }

  @Override
  void write() {
    throw new AssertionError("nobody can claim it");
  }

  @Override
  FailureCause openOverdue(boolean hasLeft) {
    return openOverdue(hasLeft, /* connected= */ false);
  }
}
