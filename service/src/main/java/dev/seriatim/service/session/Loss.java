package dev.seriatim.service.session;

/**
 * Commits of one object of which it is settled that nobody will be told that they are durable: the
 * first of them may be so all the same, for the store has not said it; the others are lost.
 *
 * @param first the first of them
 * @param lastInDoubt the last one that may be durable; below {@code first} if all are lost
 * @param last the last one that was submitted before
 */
public record Loss(long first, long lastInDoubt, long last, BreakCause cause) {
  /** All of these are lost. */
  public static Loss of(long first, long last, BreakCause cause) {
    return new Loss(first, /* lastInDoubt= */ 0, last, cause);
  }

  /** Whether this commit, which is one of them, may be durable. */
  boolean mayBeDurable(long commit) {
    return commit <= lastInDoubt;
  }

  /** The same, and it begins with this commit if it is an older one. */
  Loss from(long commit) {
    return commit < first ? new Loss(commit, lastInDoubt, last, cause) : this;
  }

  /** The same, when older commits are in doubt. */
  Loss after(long olderInDoubt) {
    return olderInDoubt > lastInDoubt ? new Loss(first, olderInDoubt, last, cause) : this;
  }
}
