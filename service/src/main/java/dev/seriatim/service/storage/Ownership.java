package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which slots this host owns, under which epochs, and until when it may be certain of that. Written
 * by the store's own threads and by the committer; read by every turn.
 */
final class Ownership {
  private final AtomicLongArray epochs = new AtomicLongArray(ObjectKey.SLOTS);
  private final Ticker ticker;

  /** Whether ownership needs a lease. Without one it lasts until it is lost. */
  private final boolean leased;

  /** On the ticker. */
  private volatile long certainUntil;

  private Ownership(Ticker ticker, boolean leased) {
    this.ticker = ticker;
    this.leased = leased;
    this.certainUntil = ticker.read();
  }

  static Ownership leased(Ticker ticker) {
    return new Ownership(ticker, true);
  }

  static Ownership exclusive() {
    return new Ownership(Ticker.systemTicker(), false);
  }

  /** The epoch under which this host owns the slot; 0 if it doesn't. */
  long epoch(int slot) {
    return epochs.get(slot);
  }

  void own(int slot, long epoch) {
    epochs.set(slot, epoch);
  }

  void lose(int slot) {
    epochs.set(slot, 0);
  }

  void certainUntil(long ticks) {
    certainUntil = ticks;
  }

  /** Whether no other host can have taken over any of the slots that this host thinks it owns. */
  boolean isCertain() {
    return !leased || ticker.read() - certainUntil < 0;
  }
}
