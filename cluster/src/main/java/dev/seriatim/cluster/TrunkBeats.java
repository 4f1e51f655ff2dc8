package dev.seriatim.cluster;

/**
 * Whether the other end of a trunk is still heard of. Counts beats in place of time: a host that
 * has stood still itself has made none meanwhile, and gives nobody up for that. Has no lock: its
 * owner calls it from one thread at a time, but for {@link #heard}.
 */
final class TrunkBeats {
  /** What is to be done about a trunk. */
  enum Next {
    /** Nothing: something has come since the last beat. */
    NOTHING,
    /** Something is to be sent that is answered at once. */
    BEAT,
    /** The same, and the others are to be asked where its objects are. */
    BEAT_AND_ASK,
    /** Nobody answers. */
    GIVE_UP
  }

  private final int askAfter;
  private final int giveUpAfter;

  /** Written by the transport's thread, and by the one that counts. */
  private volatile boolean heard;

  private int unheard;

  /**
   * Nothing has come yet.
   *
   * @param askAfter after so many beats without a word the others are asked
   * @param giveUpAfter after so many, it is given up
   */
  TrunkBeats(int askAfter, int giveUpAfter) {
    this.askAfter = askAfter;
    this.giveUpAfter = giveUpAfter;
  }

  /** Something has come. On the transport's thread. */
  void heard() {
    if (!heard) { // Few writes: this is on the way of each message.
      heard = true;
    }
  }

  /**
   * It is time for a beat.
   *
   * @param answers whether the other end, if it is there, answers one
   */
  Next next(boolean answers) {
    if (heard) {
      heard = false;
      unheard = 0;
      return Next.NOTHING;
    }
    if (unheard >= giveUpAfter && answers) {
      return Next.GIVE_UP;
    }
    unheard++;
    return unheard == askAfter + 1 ? Next.BEAT_AND_ASK : Next.BEAT;
  }
}
