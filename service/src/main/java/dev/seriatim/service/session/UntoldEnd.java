package dev.seriatim.service.session;

/**
 * Why a stub ends without a word on what ran. The names are for people: no client can go on by
 * them.
 */
public enum UntoldEnd {
  /** The store hasn't said in time what became of a commit. */
  COMMIT_IN_DOUBT,

  /** A newer connection of its session has come. */
  SESSION_SUPERSEDED,

  /** What carries it could not be given what it should send. */
  CARRIER_FAILED
}
