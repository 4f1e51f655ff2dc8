package dev.seriatim.service.storage;

/**
 * Is told what became of one object's commits.
 *
 * <p>Called from the committer's thread, in the order of the commits, and never from two threads at
 * once. Must not block. A number may be told here before {@link InstanceStorage#endTurn} has
 * returned it.
 */
public interface CommitListener {
  /** Every commit up to and including this one is durable, but for those reported as failed. */
  void durable(long commit);

  /**
   * This commit and every later one that was submitted before this call are lost, and the instance
   * with them: its storage refuses every further use. Called once for all of them.
   */
  void failed(long commit, Throwable cause);
}
