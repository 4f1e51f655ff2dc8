package dev.seriatim.service.object;

import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.Session;
import dev.seriatim.wire.Invocation;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The thread that an object's turns run on while it has work: serves the stubs that have something
 * to run, one turn each, round after round, until the object rests or a turn is cut off.
 *
 * <p>It has the object from its start until then: see {@link Possession}. It is a virtual thread;
 * as long as its turns are short it may be a {@link MountedThread} on the transport's thread.
 * Everything here is its own.
 *
 * <p>Whatever is thrown at it, out of the object's code or our own, costs the stub that is being
 * served, and no other.
 */
final class TurnThread {
  /** After so many turns on the transport's thread the clock is looked at. */
  private static final int TRANSPORT_TURNS = 64;

  /**
   * For how long turns go on elsewhere until other objects' threads have theirs: virtual threads
   * run on few, and nobody takes them one away.
   */
  private static final long OTHER_SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private final LiveObject object;
  private final Mailbox mailbox;
  private final Instances instances;
  private final InvocationRunner invocations;

  /** Where it runs, while that is the transport's thread. */
  private @Nullable MountedThread onTransport;

  /** When turns began there. */
  private long beganNanos;

  /** When they began elsewhere, or other objects' threads had their turn last. */
  private long sliceNanos;

  /** Whether it has the object, unless its turn was cut off. */
  private boolean has = true;

  /** Whose class loader it has. */
  private @Nullable ObjectCode code;

  /** The last turn that it has begun. */
  private @Nullable Turn turn;

  /** What is being served. */
  private @Nullable Session stub;

  private @Nullable Invocation invocation;
  private boolean alarm;
  private @Nullable Order<?> order;

  TurnThread(LiveObject object, Mailbox mailbox, Instances instances) {
    this.object = object;
    this.mailbox = mailbox;
    this.instances = instances;
    this.invocations = new InvocationRunner(object, instances, this);
  }

  /**
   * Starts it.
   *
   * @param here whether it may begin on the calling thread, before this returns
   */
  void start(boolean here) {
    ObjectHost host = object.host();
    MountedThread.Starter starter = here ? host.threadStarter() : null;
    if (starter == null || Thread.currentThread().isVirtual()) {
      host.threads().execute(() -> run(null, 0));
    } else {
      starter.startHere(mounted -> run(mounted, host.nanos()));
    }
  }

  /**
   * Serves until the object rests, or another thread has it.
   *
   * @param startedOnTransport null if this thread isn't on the transport's
   * @param startedNanos when turns began there, this object's or another's
   */
  void run(@Nullable MountedThread startedOnTransport, long startedNanos) {
    onTransport = startedOnTransport;
    beganNanos = startedNanos;
    if (startedOnTransport == null) {
      sliceNanos = object.host().nanos();
    }
    invocations.meter().goesOn(onTransport != null);
    runs(object.namespace().code());
    while (true) {
      try {
        serve();
        return;
      } catch (Throwable thrown) { // Whatever it is, the object must go on.
        if (!goesOnAfter(thrown)) {
          return;
        }
      } finally {
        invocations.meter().tell();
      }
    }
  }

  /** What the object's code looks up is what it was loaded with, whoever started the thread. */
  private void runs(ObjectCode now) {
    if (now != code) {
      code = now;
      Thread.currentThread().setContextClassLoader(now.classLoader());
    }
  }

  private void serve() {
    object.watch();
    for (int served = 1; ; served++) {
      if (onTransport == null || onTransport.hasLeft()) {
        letOthers();
      } else if (served % TRANSPORT_TURNS == 0
          && object.host().nanos() - beganNanos > TransportThread.SLICE_NANOS) {
        leaveTransport();
      }
      if (mailbox.takeAlarm() && !serveAlarm()) {
        return; // The turn was cut off: another thread has taken over.
      }
      Order<?> wanted = mailbox.takeOrder();
      if (wanted != null && !serveOrder(wanted)) {
        return; // Likewise.
      }
      Session next = mailbox.takeStub();
      if (next != null) {
        if (!serveStub(next)) {
          return; // Likewise.
        }
      } else if (rest()) {
        return;
      }
    }
  }

  /** Not on the transport's thread, and between two turns. */
  @SuppressWarnings("ThreadPriorityCheck") // Nobody else lets them.
  private void letOthers() {
    if (object.host().nanos() - sliceNanos > OTHER_SLICE_NANOS) {
      Thread.yield();
      sliceNanos = object.host().nanos();
    }
  }

  /** What comes may take longer than a short turn. */
  void leaveTransport() {
    MountedThread thread = onTransport;
    if (thread != null) {
      onTransport = null;
      thread.leave();
      sliceNanos = object.host().nanos();
      invocations.meter().goesOn(/* transport= */ false);
    }
  }

  /** A turn is about to run. It does so on the transport's thread only if it is likely short. */
  void placeTurn(ObjectMethod method, Invocation next, Instances instances) {
    if (onTransport != null
        && !(method.pace().isShort()
            && instances.hasStarted()
            && !ObjectMethod.isLongToRead(next))) {
      leaveTransport();
    }
  }

  /** Runs one turn for this stub. False if this thread has lost the object meanwhile. */
  private boolean serveStub(Session served) {
    invocation = null;
    stub = served;
    if (served.isUnclaimed()) {
      leaveTransport(); // The store may have to be asked.
    }
    invocation = served.takeInvocation();
    if (invocation != null && !invocations.run(served, invocation)) {
      return false;
    }
    stub = null;
    if (served.staysScheduled()) {
      mailbox.addToRound(served);
    }
    return true;
  }

  /** False if this thread has lost the object meanwhile. */
  private boolean serveAlarm() {
    alarm = true;
    leaveTransport();
    if (!object.alarms().run(null, this)) {
      return false;
    }
    alarm = false;
    object.directory().letGo(object);
    return true;
  }

  /** False if this thread has lost the object meanwhile. */
  private boolean serveOrder(Order<?> served) {
    order = served;
    leaveTransport();
    if (!new OrderRunner(object, instances).run(served, this)) {
      return false;
    }
    order = null;
    object.directory().letGo(object);
    return true;
  }

  /** Gives the object up. False if there is work after all, and this thread has it again. */
  private boolean rest() {
    invocations.meter().tell();
    instances.willRest();
    // On the transport's thread turns are short: to ask for the time again would be as long as one.
    object.willRest(onTransport == null ? object.host().nanos() : beganNanos);
    MountedThread thread = onTransport;
    onTransport = null; // A resting object keeps no thread.
    has = false;
    if (object.possession().giveBackAtRest()) {
      return true;
    }
    has = true;
    onTransport = thread;
    object.watch(); // It may have been found to rest in between.
    return false;
  }

  // ---- the turn

  /** This turn begins: from now on it may be cut off. */
  void beginTurn(Turn begun) {
    runs(begun.instance().code());
    turn = begun;
    object.beginTurn(begun);
  }

  /** A turn has come to its end. False if it was cut off, and this thread has lost the object. */
  boolean endTurn(Turn ended) {
    if (!ended.finish()) {
      if (ended.isCutOff()) {
        object.host().stuckTurns().left(ended);
      }
      return false;
    }
    object.turnEnded();
    // The object may have interrupted its own thread; the next turn has nothing to do with that.
    boolean _ = Thread.interrupted();
    return true;
  }

  // ---- the last resort

  /** Ends the turn if it is running. False if it was cut off, or this thread has no object. */
  boolean stillHas() {
    Turn last = turn;
    if (!has || (last != null && !endTurn(last) && last.isCutOff())) {
      return false;
    }
    object.turnEnded();
    return true;
  }

  /** Something was thrown that nobody has caught. False if this thread hasn't got the object. */
  private boolean goesOnAfter(Throwable thrown) {
    if (!stillHas()) {
      return false;
    }
    try {
      dropWhatIsServed(thrown);
      return true;
    } catch (Throwable again) { // There is no memory at all, say.
      has = false;
      object.possession().giveBackUntold();
      return false;
    }
  }

  private void dropWhatIsServed(Throwable thrown) {
    Session served = stub;
    stub = null;
    boolean ofAlarm = alarm;
    alarm = false;
    Order<?> ofOperator = order;
    order = null;
    object
        .lastResort()
        .dropServed(
            served, invocation == null ? 0 : invocation.sequence(), ofAlarm, ofOperator, thrown);
  }
}
