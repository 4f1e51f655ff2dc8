package dev.seriatim.stub;

import java.util.List;

/**
 * What is done when a time of one stub has run out: that of a call, that for opening, that for the
 * end. The {@link Ledger} decides which calls these are; the {@link Watchdog} says when to look.
 *
 * <p>Threads: the scheduler's, and the receiver's behind an outcome. The fields are fixed, and the
 * ledger is guarded by the session's lock.
 */
final class Timeouts {
  private final Session session;
  private final Object lock;
  private final Ledger ledger;
  private final ClientOptions options;
  private final Watchdog watchdog;

  Timeouts(Session session, Object lock, Ledger ledger, ClientOptions options) {
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.options = options;
    this.watchdog = new Watchdog(this, options);
  }

  /** What wakes this. */
  Watchdog watchdog() {
    return watchdog;
  }

  /** A deadline may have passed. */
  void checkDeadlines() {
    List<Ledger.Verdict> ended = overdue();
    if (!ended.isEmpty()) {
      // Not here: callbacks may block, and this thread watches all stubs of the process.
      options.callbackExecutor().execute(() -> ended.forEach(Ledger.Verdict::tell));
    }
  }

  /** Ends calls whose time is up; their callers are still to be told. */
  List<Ledger.Verdict> overdue() {
    List<Ledger.Verdict> overdue;
    long nextLook;
    Link claimed;
    synchronized (lock) {
      overdue = ledger.overdue();
      nextLook = ledger.nextLook();
      claimed = ledger.sending().hasToCancel() ? session.claim() : null;
    }
    if (claimed != null) {
      claimed.write();
    }
    if (nextLook != Ledger.NEVER) {
      watchdog.lookIn(nextLook);
    }
    return overdue;
  }

  /** The host has not said in time that the stub is open. */
  void openingOverdue() {
    Link claimed;
    synchronized (lock) {
      FailureCause overdue = session.link().openOverdue(ledger.sending().hasLeft());
      if (session.isOpened() || !(session.ends(overdue) || ledger.breakWith(overdue))) {
        return;
      }
      claimed = session.claim();
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  /** What carries the stub has not ended in time. */
  void endOverdue() {
    FailureCause overdue;
    boolean ends;
    synchronized (lock) {
      overdue = session.link().endOverdue();
      ends = session.ends(overdue);
    }
    if (ends) {
      session.kick();
    } else {
      session.breakStub(overdue);
      session.abandon(); // It may have been broken before.
    }
  }
}
