package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which slots this host owns, under which epochs, and until when it may be certain of that. Written
 * by the store's own threads and by the committer; read by every turn.
 */
final class Ownership {
  /**
   * One stretch of owning a slot, from taking it to losing it. Whatever is in memory belongs to one
   * of them, and they are told apart by identity: a store that went back in time may give an epoch
   * out twice.
   */
  static final class Tenure {
    final int slot;

    /** What the slot's row says as long as it lasts, beside this host's name. */
    final long epoch;

    private Tenure(int slot, long epoch) {
      this.slot = slot;
      this.epoch = epoch;
    }
  }

  private final AtomicReferenceArray<@Nullable Tenure> tenures =
      new AtomicReferenceArray<>(ObjectKey.SLOTS);
  private final Ticker ticker;

  /** Whether ownership needs a lease. Without one it lasts until it is lost. */
  private final boolean leased;

  /** On the ticker. */
  private volatile long certainUntil;

  /** Why the last slot was lost, or why none is owned yet. */
  private volatile String reason = "it has not been taken yet";

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

  /** The stretch of owning this slot that lasts now; null if this host doesn't own it. */
  @Nullable Tenure tenure(int slot) {
    return tenures.get(slot);
  }

  /** The slot is this host's from now on. */
  void own(int slot, long epoch) {
    tenures.set(slot, new Tenure(slot, epoch));
  }

  /** This stretch has ended, unless that was known already. */
  void lose(Tenure lost, String why) {
    reason = why;
    tenures.compareAndSet(lost.slot, lost, null);
  }

  /** Every stretch has ended. */
  void loseAll(String why) {
    reason = why;
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      tenures.set(slot, null);
    }
  }

  /** How many slots this host owns. */
  int owned() {
    int owned = 0;
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      if (tenures.get(slot) != null) {
        owned++;
      }
    }
    return owned;
  }

  /** Why the slots that this host doesn't own are not its own. */
  String reason() {
    return reason;
  }

  void certainUntil(long ticks) {
    certainUntil = ticks;
  }

  /** Whether no other host can have taken over any of the slots that this host thinks it owns. */
  boolean isCertain() {
    return !leased || ticker.read() - certainUntil < 0;
  }
}
