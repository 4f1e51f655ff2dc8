package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import dev.seriatim.service.StorageException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
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

  /** What of a store may hang while the rest of it answers. */
  private enum Part {
    COMMITS,
    READS
  }

  /** Is told what changes. Must not block; called by any thread. */
  interface Listener {
    /** Slots were taken or lost. */
    void slotsChanged();

    /** Whether this host serves objects; told again and again. */
    void serves(boolean serves);
  }

  private final AtomicReferenceArray<@Nullable Tenure> tenures =
      new AtomicReferenceArray<>(ObjectKey.SLOTS);
  private final Ticker ticker;

  /**
   * How long ownership is certain once it was; 0 if it needs no lease, and lasts until it is lost.
   */
  private final long leaseNanos;

  /** On the ticker. */
  private volatile long certainUntil;

  /** Why the last slot was lost, or why none is owned yet. */
  private volatile String reason = "it has not been taken yet";

  /** What hangs: then nobody can have what is here. Guarded by itself, with what is told of it. */
  private final Set<Part> hanging = EnumSet.noneOf(Part.class);

  /** Whether anything does. Written holding that. */
  private volatile boolean hangs;

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /** Whether this host serves, whatever it owns: it passes on what others own. */
  private final boolean shares;

  private Ownership(Ticker ticker, long leaseNanos, boolean shares) {
    this.ticker = ticker;
    this.leaseNanos = leaseNanos;
    this.shares = shares;
    this.certainUntil = ticker.read();
  }

  static Ownership leased(Ticker ticker, Duration lease, boolean shares) {
    return new Ownership(ticker, lease.toNanos(), shares);
  }

  static Ownership exclusive() {
    return new Ownership(Ticker.systemTicker(), 0, /* shares= */ false);
  }

  /** Tells this listener from now on, and how it is now. */
  void listen(Listener told) {
    listeners.add(told);
    changed();
  }

  /** Whoever has changed what is owned calls this when it is done. */
  void changed() {
    listeners.forEach(Listener::slotsChanged);
    lookAtCertainty();
  }

  /** It may have passed, or come, that this host is certain of what it owns. */
  void lookAtCertainty() {
    synchronized (hanging) { // Of two threads the one that knows better is the last to tell.
      for (Listener told : listeners) {
        told.serves(isServing());
      }
    }
  }

  /**
   * Whether this host owns anything, or shares it with others, and was certain of it not long ago.
   * One that the store can't be reached from is of no use, and others may have taken over.
   */
  boolean isServing() {
    return !hangs
        && (shares || owned() > 0)
        && (leaseNanos == 0 || ticker.read() - certainUntil < leaseNanos);
  }

  /** Whether commits hang: what this host owns stays its own, and nobody is served by that. */
  void commitsHang(boolean now) {
    hangs(Part.COMMITS, now);
  }

  /** Whether reads do, likewise. */
  void readsHang(boolean now) {
    hangs(Part.READS, now);
  }

  private void hangs(Part part, boolean now) {
    synchronized (hanging) {
      if (now ? hanging.add(part) : hanging.remove(part)) {
        hangs = !hanging.isEmpty();
        lookAtCertainty();
      }
    }
  }

  /** Whether any part does. Any thread may ask. */
  boolean hangs() {
    return hangs;
  }

  /** The stretch of owning this slot that lasts now; null if this host doesn't own it. */
  @Nullable Tenure tenure(int slot) {
    return tenures.get(slot);
  }

  /** The slot is this host's from now on. */
  void own(int slot, long epoch) {
    tenures.set(slot, new Tenure(slot, epoch));
  }

  /** The slot is given up: its stretch has ended. */
  void give(int slot) {
    tenures.set(slot, null);
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

  /** The sum of the epochs of the slots that this host owns. */
  long epochs() {
    long sum = 0;
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      Tenure tenure = tenures.get(slot);
      sum += tenure == null ? 0 : tenure.epoch;
    }
    return sum;
  }

  /** Says why the slots that this host doesn't own are not its own. */
  void because(String why) {
    reason = why;
  }

  /** Why the slots that this host doesn't own are not its own. */
  String reason() {
    return reason;
  }

  /** Why nothing can be done with an object whose slot this host doesn't own. */
  StorageException refusal(ObjectKey object) {
    return new StorageException(
        "slot " + object.slot() + " of object " + object + " is not owned by this host: " + reason);
  }

  void certainUntil(long ticks) {
    certainUntil = ticks;
  }

  /** For how long it is certain; empty if it needs no lease. */
  Optional<Duration> certainFor() {
    return leaseNanos == 0
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(Math.max(0, certainUntil - ticker.read())));
  }

  /** Whether no other host can have taken over any of the slots that this host thinks it owns. */
  boolean isCertain() {
    return leaseNanos == 0 || ticker.read() - certainUntil < 0;
  }
}
