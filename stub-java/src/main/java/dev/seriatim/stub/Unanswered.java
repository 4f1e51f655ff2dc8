package dev.seriatim.stub;

/**
 * For how long the oldest call of a stub that was sent and not answered has been on its way: in two
 * steps, however many there are, so that it may seem a little older than it is, and never younger.
 * One that is sent again has been on its way since the first time. Part of {@link Resumption}.
 */
final class Unanswered {
  private long sent; // The last that was ever sent.
  private long through; // The oldest ones, up to this number,
  private long since; // have been on their way since then; none, if the number is 0.
  private boolean hasNext; // Those behind them
  private long nextSince; // since then.

  /** Whether it is to be noted with the time that the calls up to this number are sent. */
  boolean asksForTime(long last) {
    return last > sent && (through == 0 || !hasNext);
  }

  /** The calls up to this number were sent, the last ones of them now; perhaps again. */
  void sent(long last, long now) {
    if (last <= sent) {
      return;
    }
    sent = last;
    if (through == 0) {
      through = last;
      since = now;
    } else if (!hasNext) {
      hasNext = true;
      nextSince = now;
    }
  }

  /** The same, when it needn't be known when. */
  void sent(long last) {
    sent = Math.max(sent, last);
  }

  /** The calls up to this number have been answered. */
  void answered(long last) {
    if (through == 0 || last < through) {
      return;
    }
    through = last < sent ? sent : 0;
    since = nextSince;
    hasNext = false;
  }

  /** Whether there are any. */
  boolean isThere() {
    return through != 0;
  }

  /** For how many nanoseconds the oldest one has been on its way, if there is one. */
  long age(long now) {
    return now - since;
  }
}
