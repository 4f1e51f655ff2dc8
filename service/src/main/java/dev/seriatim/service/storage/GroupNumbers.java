package dev.seriatim.service.storage;

/**
 * The numbers of the groups that this host commits. A number is given to each try; the store has
 * that of the last group that it has committed. If it has any other, it has gone back in time.
 *
 * <p>Written by the committer's thread; {@link #last} may be read by any.
 */
final class GroupNumbers {
  private long given;
  private volatile long last;

  /** A number that no group has had. */
  long next() {
    return ++given;
  }

  /** The number of the last group that is known to be committed; 0 before the first. */
  long last() {
    return last;
  }

  /** The group with this number is committed. */
  void committed(long number) {
    last = number;
  }
}
