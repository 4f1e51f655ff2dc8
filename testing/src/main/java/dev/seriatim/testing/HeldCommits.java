package dev.seriatim.testing;

/**
 * Commits that a test holds: turns go on and end, and nothing that they wrote becomes durable, nor
 * is any outcome sent that depends on it, until this is closed.
 */
public final class HeldCommits implements AutoCloseable {
  private final Commits commits;

  HeldCommits(Commits commits) {
    this.commits = commits;
  }

  /**
   * Waits until a commit is held: until then a turn that was called may not have ended.
   *
   * @throws AssertionError if none comes within 30 s
   */
  public void awaitCommit() {
    try {
      if (!commits.awaitWaiting(Waiting.LIMIT.toNanos())) {
        throw new AssertionError(
            "never came, within " + Waiting.LIMIT.toSeconds() + " s: a commit to hold");
      }
    } catch (InterruptedException e) {
      throw Waiting.interrupted("a commit to hold", e);
    }
  }

  /** Lets the commits go on. Does nothing the second time. */
  @Override
  public void close() {
    commits.release(this);
  }
}
