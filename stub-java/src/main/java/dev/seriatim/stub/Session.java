package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Channel;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One stub: takes its callers' calls, and completes each of them once. What is to be done is
 * decided by the {@link Ledger}; the {@link Link} carries it out, and the {@link Watchdog} says
 * when time has passed.
 *
 * <p>Threads: any thread submits. Fields under "guarded" belong to whoever holds the lock, which no
 * one keeps while calling out. Calls that got a number are completed by the link's receiver, one
 * event at a time and in order; only a call whose own time was up is completed elsewhere.
 */
final class Session {
  private final ClientOptions options;
  private final Opening opening;
  private final @Nullable Connections connections; // If the stub may outlive its connection.
  private final StubEnd end = new StubEnd();
  private final Object lock = new Object();
  private final Watchdog watchdog;
  private final Delivery delivery;

  // Guarded.
  private final Ledger ledger;
  private Link link;

  private final @Nullable StubRoute route; // If the client follows routes.
  private boolean opened; // Set by the receiver, which alone reads it without the lock.

  /**
   * A stub that is not carried by anything yet.
   *
   * @param sharedCalls what carries it, or null if it has a call of its own
   * @param route where it may be opened instead; null if it may not
   * @param resume how it goes on when its connection is lost; null if it doesn't
   */
  Session(
      Channel channel,
      @Nullable SharedCalls sharedCalls,
      ClientOptions options,
      Opening opening,
      @Nullable StubRoute route,
      @Nullable ResumeOptions resume) {
    this.options = options;
    this.opening = opening;
    Resumption resumption = resume == null ? null : new Resumption(resume, System::nanoTime);
    this.ledger = new Ledger(options, resumption);
    this.watchdog = new Watchdog(this, options);
    this.route = route;
    this.link = newLink(channel, sharedCalls, opening.open());
    this.delivery = new Delivery(this, lock, ledger, watchdog, options);
    this.connections =
        resumption == null
            ? null
            : new Connections(this, lock, ledger, resumption, channel, sharedCalls);
  }

  /** What carries a stub that is opened so. */
  Link newLink(Channel channel, @Nullable SharedCalls sharedCalls, Open open) {
    return sharedCalls == null
        ? new OwnCall(this, lock, ledger, channel, options, open)
        : new Lane(this, lock, ledger, sharedCalls, options, open);
  }

  ClientOptions options() {
    return options;
  }

  // ---- what callers do -------------------------------------------------------------------------

  /**
   * Takes a call in, and gives it its number before it returns; or fails it at once.
   *
   * @return whether this was the stub's first, after which it has something to close
   */
  boolean submit(PendingCall call) {
    FailureCause refusal;
    boolean first = false;
    Link claimed = null;
    boolean sendSoon = false;
    boolean woken = false;
    synchronized (lock) {
      refusal = ledger.refusal(call);
      if (refusal == null) {
        first = !ledger.isStarted();
        if (first && (route != null || connections != null)) {
          choose();
        }
        ledger.take(call);
        woken = connections != null && connections.wake();
        if (delivery.gathers()) {
          sendSoon = delivery.claimSending();
        } else {
          claimed = ledger.hasRoom() ? link.claimForCall() : null;
        }
      }
    }
    if (refusal != null) {
      call.fail(new CallFailure(refusal, Fate.NOT_EXECUTED, call));
      return false;
    }
    if (first) {
      watchdog.expectOpening();
    }
    Deadline deadline = call.deadline();
    if (deadline != null) {
      watchdog.lookIn(deadline.timeRemaining(TimeUnit.NANOSECONDS));
    }
    if (claimed != null) {
      claimed.write();
    } else if (sendSoon) {
      delivery.soon();
    }
    if (woken && connections != null) {
      connections.begin();
    }
    return first;
  }

  /** Chooses what carries the stub next. Under the lock, when nothing does. */
  private void choose() {
    RouteChannel there = route == null ? null : route.begin();
    if (connections != null) {
      link = connections.next(there, opening);
    } else if (there != null) {
      link = newLink(there, there.sharedCalls(options), opening.open());
    }
  }

  /**
   * Lets no more calls in, and ends the stub when what was taken in has been answered.
   *
   * @return false if it was closed or broken before
   */
  boolean close() {
    Link claimed;
    boolean finished;
    boolean over;
    synchronized (lock) {
      if (!ledger.close()) {
        return false;
      }
      if (!ledger.isStarted()) {
        closed();
        return true;
      }
      finished = ledger.isFinished();
      over = finished && ledger.isSuspended();
      if (over) { // Whatever is on its way to resume it has nothing to do any more.
        ledger.abandon();
        closed();
      }
      claimed = link.claim();
    }
    if (claimed != null) {
      claimed.write();
    }
    if (over) {
      leave();
    } else if (finished) {
      watchdog.expectEnd();
    }
    return true;
  }

  /** The stub has ended without a break. */
  private void leave() {
    end.unwatch();
    if (route != null) {
      route.ended(null);
    }
  }

  /** What tells of the stub's end. */
  StubEnd whenEnded() {
    return end;
  }

  /** Breaks the stub from this side. What was sent is lost, what wasn't is not executed. */
  void cancel(String message) {
    breakStub(FailureCause.of(Reasons.STUB_CANCELLED, Status.Code.CANCELLED, message, false));
  }

  boolean isBroken() {
    synchronized (lock) {
      return ledger.isBroken();
    }
  }

  boolean isResumable() {
    synchronized (lock) {
      return ledger.isResumable();
    }
  }

  @Nullable FailureCause cause() {
    synchronized (lock) {
      return ledger.cause();
    }
  }

  void onBreak(Consumer<FailureCause> listener) {
    end.onBreak(listener, this::cause);
  }

  boolean awaitEnd(long timeout, TimeUnit unit) throws InterruptedException {
    return end.await(timeout, unit);
  }

  // ---- what the link tells ---------------------------------------------------------------------

  /** Whether this is what carries the stub, and not what did so before. Under the lock. */
  boolean isCarriedBy(Link by) {
    return link.equals(by);
  }

  /** The link, if the caller is to have it write. Under the lock. */
  @Nullable Link claim() {
    return link.claim();
  }

  /**
   * Has this carry the stub from now on: nothing that was sent has reached anyone.
   *
   * @return false if what carried it has been cancelled, and so has ended
   */
  boolean carryOn(Link before, Link by) {
    Link claimed;
    synchronized (lock) {
      if (!link.equals(before) || ledger.isCancelled()) {
        return false;
      }
      ledger.beginAgain();
      link = by;
      claimed = by.claim();
    }
    if (claimed != null) {
      claimed.write();
    }
    return true;
  }

  /** There may be something to write. */
  void kick() {
    Link claimed;
    synchronized (lock) {
      claimed = link.claim();
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  /** A frame has come from the host. */
  void receive(ResponseFrame frame) {
    if (isToldBroken()) {
      abandon(); // Nothing may follow the break; whatever this is, don't listen any longer.
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
      violated(e);
    }
  }

  /** The host has broken the rules. */
  void violated(HostViolationException violation) {
    end(breakStub(violation.toCause()), Fate.UNKNOWN);
  }

  /** The call that carried the stub has ended. */
  void connectionEnded(Link by, Status status, Metadata trailers) {
    synchronized (lock) {
      if (!link.equals(by)) {
        return; // Told twice.
      }
    }
    if (connections != null && connections.ended(status, trailers)) {
      return;
    }
    watchdog.stopAll();
    boolean orderly;
    synchronized (lock) {
      orderly = ledger.isFinished() && (status.isOk() || ledger.isResumable());
      if (orderly) {
        closed();
      }
    }
    if (orderly) {
      leave();
    } else {
      end(FailureCause.connectionLost(status, trailers), Fate.UNKNOWN);
    }
  }

  /** The writer can't write; it goes on, to cancel the call. */
  void breakFromWriter(Link by, FailureCause fault) {
    synchronized (lock) {
      if (!link.equals(by)) {
        return; // Another one writes by now.
      }
      ledger.breakWith(fault);
      ledger.abandon();
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
    end(told, tellsAll ? Fate.NOT_EXECUTED : Fate.UNKNOWN);
    kick(); // To half-close: the host ends the call by itself.
    watchdog.expectEnd();
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Under the lock. */
  private void closed() {
    ledger.closed();
    stop();
    end.closed();
  }

  /** Nothing is waited for any more. Under the lock. */
  private void stop() {
    watchdog.stop();
    if (connections != null) {
      connections.stop();
    }
  }

  /** Completes every call that is left, and then tells the listeners. Does so once. */
  void end(FailureCause newCause, Fate sentFate) {
    List<Ledger.Verdict> left;
    FailureCause broken;
    synchronized (lock) {
      if (ledger.isOver()) {
        return;
      }
      left = ledger.end(newCause, sentFate);
      FailureCause known = ledger.cause();
      broken = known == null ? newCause : known;
      stop();
    }
    if (route != null) {
      route.ended(broken); // First, since callers may try again at once.
    }
    left.forEach(Ledger.Verdict::tell);
    end.broken(broken);
  }

  @Override
  public String toString() {
    return opening.toString();
  }

  /**
   * Breaks the stub from this side. The calls that are left fail on the receiver, when the
   * cancelled call has ended.
   *
   * @return why the stub is broken, which is another cause if it was broken before
   */
  FailureCause breakStub(FailureCause newCause) {
    boolean started;
    boolean away;
    Link claimed = null;
    synchronized (lock) {
      if (!ledger.breakWith(newCause)) {
        FailureCause known = ledger.cause();
        return known != null ? known : newCause;
      }
      started = ledger.isStarted();
      away = ledger.isAway();
      if (started) {
        claimed = link.claim();
      }
    }
    if (claimed != null) {
      claimed.write();
    }
    if (!started) {
      end(newCause, Fate.NOT_EXECUTED);
    } else if (away && connections != null) {
      connections.endSoon(newCause);
    }
    return newCause;
  }

  private void abandon() {
    synchronized (lock) {
      ledger.abandon();
    }
    kick();
  }

  // ---- what the watchdog wakes -----------------------------------------------------------------

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
      claimed = ledger.hasToCancel() ? link.claim() : null;
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
      FailureCause overdue = link.openOverdue(ledger.hasLeft());
      if (opened || !(ends(overdue) || ledger.breakWith(overdue))) {
        return;
      }
      claimed = link.claim();
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  /** That call has not ended in time. */
  void endOverdue() {
    FailureCause overdue;
    boolean ends;
    synchronized (lock) {
      overdue = link.endOverdue();
      ends = ends(overdue);
    }
    if (ends) {
      kick();
    } else {
      breakStub(overdue);
      abandon(); // It may have been broken before.
    }
  }

  /** Has the connection end from this side, if the stub goes on without. Under the lock. */
  private boolean ends(FailureCause why) {
    return connections != null && connections.end(why);
  }

  // ---- one connection after the other ----------------------------------------------------------

  /** The connection has ended, and there will be another one. Under the lock. */
  void suspended() {
    link = NoLink.INSTANCE;
    opened = false;
    watchdog.again();
  }

  /** That connection was lost. */
  void forgetRoute(FailureCause lost) {
    if (route != null) {
      route.ended(lost);
    }
  }

  /** Something else carries the stub from now on; who is to have it write. Under the lock. */
  @Nullable Link carryAnew() {
    choose();
    return link.claim();
  }

  /** That has begun. */
  void expectOpening() {
    watchdog.expectOpening();
  }
}
