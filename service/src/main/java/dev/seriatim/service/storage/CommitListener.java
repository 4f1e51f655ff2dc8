package dev.seriatim.service.storage;

/**
 * Is told what became of one object's commits.
 *
 * <p>Called from the committer's thread, in the order of the commits, and never from two threads at
 * once. Must not block. A number may be told here before {@link TurnStorage#endTurn} has returned
 * it. The log itself knows first: {@link ObjectLog#pendingCommit} may be 0 when this has still to
 * be told, even after {@link ObjectLog#close}. So each log needs a listener of its own.
 */
public interface CommitListener {
  /**
   * Every commit up to and including this one is durable, but for those reported as failed.
   *
   * @param idle whether the calling thread has nothing else to commit, and may be kept for a moment
   */
  void durable(long commit, boolean idle);

  /**
   * These commits are lost, and the instance with them: its storage refuses every further use.
   * Called once for all of them, in one step with the loss: {@link ObjectLog#newStorage} waits
   * until this call has returned, so that no turn can begin on top of what is being lost.
   *
   * @param first the first commit that is lost
   * @param last the last one that was submitted before the loss
   */
  void failed(long first, long last, Throwable cause);

  /**
   * The store has not said in time what became of these commits: they may be durable, or may become
   * so. What was submitted on top of them is lost. Otherwise as {@link #failed}; and no instance
   * can be had before the store has said it.
   *
   * @param first the first commit that is in doubt
   * @param lastInDoubt the last one that is
   * @param last the last one that was submitted; what lies behind those in doubt is lost
   */
  void inDoubt(long first, long lastInDoubt, long last, Throwable cause);
}
