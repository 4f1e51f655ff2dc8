package dev.seriatim.service.object;

/** The objects that wait for a turn, each for the one behind it. Safe for any number of threads. */
sealed interface WaitingChain permits CallChain, RemoteChain {
  /** Whether this object of this host waits. */
  boolean hasWaiting(LiveObject object);

  /**
   * The keys of those that wait at other hosts or have been there, for the next call to carry;
   * empty if there are none.
   */
  String keysOfOthers();
}
