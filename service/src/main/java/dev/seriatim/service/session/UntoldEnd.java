package dev.seriatim.service.session;

/** Why a stub ends without a word on what ran, for those who count: its client sees a status. */
public enum UntoldEnd {
  /** The owner of its object was lost, and its edge was left. */
  OWNER_LOST,

  /** The store hasn't said in time what became of a commit. */
  COMMIT_IN_DOUBT,

  /** A newer connection of its session has come. */
  SESSION_SUPERSEDED,

  /** What carries it threw at what it was to send, or the host did, say for want of memory. */
  HOST_FAILED
}
