package dev.seriatim.stub;

import dev.seriatim.v1.Open;
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
 * decided by the {@link Ledger}; the {@link Link} carries it out. What the host says is taken in by
 * the {@link Reception}, and what is done when time has passed by the {@link Timeouts}.
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
  private final Reception reception;

  // Guarded.
  private final Ledger ledger;
  private Link link;

  private final @Nullable StubRoute route; // If the client follows routes.

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
    Timeouts timeouts = new Timeouts(this, lock, ledger, options);
    this.watchdog = timeouts.watchdog();
    this.route = route;
    this.link = newLink(channel, sharedCalls, opening.open());
    this.delivery = new Delivery(this, lock, ledger, timeouts, options);
    this.connections =
        resumption == null
            ? null
            : new Connections(this, lock, ledger, resumption, channel, sharedCalls);
    this.reception =
        new Reception(this, lock, ledger, opening, watchdog, delivery, route, connections);
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
          claimed = ledger.sending().hasRoom() ? link.claimForCall() : null;
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
        ledger.sending().abandon();
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

  /** Whether it has been used, and was neither closed nor broken. */
  boolean isLeftOpen() {
    synchronized (lock) {
      return ledger.isStarted() && ledger.isOpen();
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

  /** What carries the stub. Under the lock. */
  Link link() {
    return link;
  }

  /** Whether the host has said anything on this connection. Under the lock. */
  boolean isOpened() {
    return reception.isOpened();
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
      if (!link.equals(before) || ledger.sending().isCancelled()) {
        return false;
      }
      ledger.sending().beginAgain();
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
    reception.receive(frame);
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
      ledger.sending().abandon();
    }
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

  /** What carries the stub is to be cancelled, whether it is broken or not. */
  void abandon() {
    synchronized (lock) {
      ledger.sending().abandon();
    }
    kick();
  }

  // ---- one connection after the other ----------------------------------------------------------

  /** Has the connection end from this side, if the stub goes on without. Under the lock. */
  boolean ends(FailureCause why) {
    return connections != null && connections.end(why);
  }

  /** The connection has ended, and there will be another one. Under the lock. */
  void suspended() {
    link = NoLink.INSTANCE;
    reception.again();
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
