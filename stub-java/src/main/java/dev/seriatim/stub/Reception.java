package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.ResponseFrame;
import org.jspecify.annotations.Nullable;

/**
 * Takes in what the host says to one stub: that it is open, the outcomes, which the {@link
 * Delivery} hands out, and the break. Holds the host to the order of these.
 *
 * <p>Threads: the receiver of what carries the stub, one frame at a time. The ledger is guarded by
 * the session's lock.
 */
final class Reception {
  private final Session session;
  private final Object lock;
  private final Ledger ledger;
  private final Opening opening;
  private final Watchdog watchdog;
  private final Delivery delivery;
  private final @Nullable StubRoute route; // If the client follows routes.
  private final @Nullable Connections connections; // If the stub may outlive its connection.

  /** Written by the receiver, under the lock; it alone reads it without. */
  private boolean opened;

  Reception(
      Session session,
      Object lock,
      Ledger ledger,
      Opening opening,
      Watchdog watchdog,
      Delivery delivery,
      @Nullable StubRoute route,
      @Nullable Connections connections) {
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.opening = opening;
    this.watchdog = watchdog;
    this.delivery = delivery;
    this.route = route;
    this.connections = connections;
  }

  /** Whether the host has said anything on this connection. Under the lock. */
  boolean isOpened() {
    return opened;
  }

  /** The connection has ended, and there will be another one. Under the lock. */
  void again() {
    opened = false;
  }

  /** A frame has come from the host. */
  void receive(ResponseFrame frame) {
    if (isToldBroken()) {
      session.abandon(); // Nothing may follow the break; whatever this is, don't listen any longer.
      return;
    }
    boolean wasOpened = opened || frame.opened() != null;
    try {
      if (!opened) {
        opened();
        opening.check(frame);
        if (frame.opened() != null && !opened(frame.opened())) {
          return;
        }
      } else if (frame.opened() != null) {
        throw new HostViolationException("'opened' came twice");
      }
      if (frame.outcomes() > 0) {
        delivery.complete(frame);
      }
      Broken broken = frame.broken();
      if (broken != null) {
        breakAsTold(broken, wasOpened);
      }
    } catch (HostViolationException e) {
      session.violated(e);
    }
  }

  private void opened() {
    synchronized (lock) {
      opened = true;
    }
    watchdog.opened();
  }

  /** False if the stub can't go on at this host, and so is broken. */
  private boolean opened(Opened by) throws HostViolationException {
    if (route != null) {
      route.opened(by);
    }
    return connections == null || connections.opened(by);
  }

  /** Whether nothing may come any more but the end of the call. */
  private boolean isToldBroken() {
    synchronized (lock) {
      return ledger.isBroken() || ledger.isEnding();
    }
  }

  private void breakAsTold(Broken broken, boolean wasOpened) throws HostViolationException {
    FailureCause told = FailureCause.told(broken);
    boolean tellsAll;
    boolean goesOn;
    synchronized (lock) {
      tellsAll = ledger.check(broken, told, wasOpened);
      goesOn = ledger.broken(told, wasOpened, tellsAll);
    }
    if (goesOn) {
      watchdog.expectEnd();
      return;
    }
    session.end(told, tellsAll ? Fate.NOT_EXECUTED : Fate.UNKNOWN);
    session.kick(); // To half-close: the host ends the call by itself.
    watchdog.expectEnd();
  }
}
