package dev.seriatim.service.object;

import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.storage.ObjectStorage;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.wire.Invocation;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One object of this host, and the thread that has it.
 *
 * <p>While the object has work, one thread, its turn thread, serves the stubs that have something
 * to run, one turn each, round after round. It is a virtual thread; as long as its turns are short
 * it may be a {@link MountedThread} on the transport's thread. Whoever sets {@code running} has the
 * object, until it clears it again: it owns the object's own fields below, the round of the {@link
 * Mailbox}, and the {@link Instances}. That is the turn thread, or, after {@link #cutOff cutting
 * off} its turn, the thread that did, which hands them on to a new turn thread. The old one may
 * still be inside the object's code then; it touches nothing here any more. The evictor has the
 * object too, for a moment, when it rests.
 */
final class LiveObject {
  private static final Logger logger = Logger.getLogger(LiveObject.class.getName());

  /** For how long turns may run on the transport's thread at a time: it has other stubs to read. */
  private static final long TRANSPORT_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** After so many turns there the clock is looked at. */
  private static final int TRANSPORT_TURNS = 64;

  private static final VarHandle RUNNING;

  static {
    try {
      RUNNING = MethodHandles.lookup().findVarHandle(LiveObject.class, "running", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ObjectDirectory directory;
  private final Namespace namespace;
  private final DurableObjectId id;
  private final QueueBudget budget;
  private final OutputGate gate = new OutputGate();
  private final ObjectStorage storage;

  /** Null as long as nothing had to be counted. */
  private volatile @Nullable OutcomeBudget outcomeBudget;

  private final Mailbox mailbox = new Mailbox();
  private final Instances instances;

  /** Whether someone has the object. Written through the handle, but for those who give it up. */
  private volatile boolean running;

  // Owned by whoever has set `running`.
  private @Nullable MountedThread onTransport; // The turn thread, while it is there.
  private long restingSinceNanos;
  private long turns;

  /** The turn that is running, for those who may have to cut it off. Written by the owner. */
  private volatile @Nullable Turn turn;

  /** How many stubs and alarms hold this object. Guarded by the directory's entry for it. */
  private int holds;

  /** Whether the turn watch looks at this object. */
  private volatile boolean watched;

  // The turn watch's own: the number of the turn that it saw last, and since when.
  private long watchedTurn;
  private long watchedSinceNanos;

  LiveObject(ObjectDirectory directory, Namespace namespace, DurableObjectId id) {
    this.directory = directory;
    this.namespace = namespace;
    this.id = id;
    this.budget =
        new QueueBudget("the object", directory.limits().objectQueue(), directory.budget());
    this.storage = directory.storage().object(namespace.name(), id, new LostCommits(this, gate));
    this.instances = new Instances(this, storage);
  }

  ObjectDirectory directory() {
    return directory;
  }

  Namespace namespace() {
    return namespace;
  }

  DurableObjectId id() {
    return id;
  }

  /** What the object is called, as far as that is known without asking the store. */
  @Nullable String name() {
    return storage.knownName();
  }

  QueueBudget budget() {
    return budget;
  }

  /** Counts the outcomes of all stubs of this object. Few objects ever have much to count. */
  OutcomeBudget outcomeBudget() {
    OutcomeBudget made = outcomeBudget;
    return made == null ? makeOutcomeBudget() : made;
  }

  private synchronized OutcomeBudget makeOutcomeBudget() {
    OutcomeBudget made = outcomeBudget;
    if (made == null) {
      made =
          new OutcomeBudget(
              "the object", directory.limits().objectOutcomeBytes(), directory.outcomeBudget());
      outcomeBudget = made;
    }
    return made;
  }

  OutputGate gate() {
    return gate;
  }

  /** The commit that an outcome must wait for which may have seen all that was submitted so far. */
  long pendingCommit() {
    return storage.pendingCommit();
  }

  // ---- who holds the object in memory

  /** With the directory's entry for this object locked. */
  void hold(@Nullable String openedName) {
    holds++;
    if (openedName != null) {
      storage.learnName(openedName);
    }
  }

  /** With the directory's entry for this object locked. */
  void letGo() {
    holds--;
  }

  /**
   * With the directory's entry for this object locked, so that no one can come to hold it.
   *
   * @return whether the object may be forgotten, and now is
   */
  boolean retire() {
    // Nobody holds it and it has no thread: then no one else owns the instance, or could begin to.
    if (holds > 0 || running || instances.current() != null || storage.pendingCommit() != 0) {
      return false;
    }
    storage.close();
    return true;
  }

  // ---- work comes in, on any thread

  /**
   * A stub has something to run. Each stub is given only once until it is served.
   *
   * @param byTransport whether it is the transport's thread that says so, and is free to run turns
   */
  void ready(StubQueue stub, boolean byTransport) {
    mailbox.add(stub);
    MountedThread.Starter starter = directory.threadStarter();
    if (!byTransport || starter == null || Thread.currentThread().isVirtual()) {
      wake();
    } else if (take()) {
      starter.startHere(this::serve);
    }
  }

  /** The object's alarm is due: it becomes one of the next turns. The alarm holds the object. */
  void alarmDue() {
    if (mailbox.addAlarm()) {
      wake();
    } else {
      // It was offered again before its turn came, and there is one turn for both.
      directory.letGo(this);
    }
  }

  private void wake() {
    if (take()) {
      startTurnThread();
    }
  }

  /** For whoever has the object, and hands it on. */
  private void startTurnThread() {
    Thread.startVirtualThread(() -> serve(null));
  }

  // ---- the turn thread

  /** Serves until the object rests, or another thread has it. */
  private void serve(@Nullable MountedThread startedOnTransport) {
    onTransport = startedOnTransport;
    long beganNanos = startedOnTransport == null ? 0 : directory.nanos();
    InvocationRunner invocations = new InvocationRunner(this, instances);
    watch();
    for (int served = 1; ; served++) {
      if (onTransport != null
          && served % TRANSPORT_TURNS == 0
          && directory.nanos() - beganNanos > TRANSPORT_NANOS) {
        leaveTransport();
      }
      if (mailbox.takeAlarm() && !serveAlarm()) {
        return; // The turn was cut off: another thread has taken over.
      }
      StubQueue stub = mailbox.takeStub();
      if (stub != null) {
        if (!serveStub(stub, invocations)) {
          return; // Likewise.
        }
      } else if (rest()) {
        return;
      }
    }
  }

  private void leaveTransport() {
    MountedThread thread = onTransport;
    if (thread != null) {
      onTransport = null;
      thread.leave();
    }
  }

  /** A turn is about to run. It does so on the transport's thread only if it is likely short. */
  void placeTurn(ObjectMethod method, Invocation invocation) {
    if (onTransport != null
        && !(method.pace().isShort()
            && instances.hasStarted()
            && !ObjectMethod.isLongToRead(invocation))) {
      leaveTransport();
    }
  }

  /** Runs one turn for this stub. False if this thread has lost the object meanwhile. */
  private boolean serveStub(StubQueue stub, InvocationRunner invocations) {
    Invocation invocation = stub.takeInvocation();
    if (invocation != null && !invocations.run(stub, invocation)) {
      return false;
    }
    if (stub.staysScheduled()) {
      mailbox.addToRound(stub);
    }
    return true;
  }

  /** False if this thread has lost the object meanwhile. */
  private boolean serveAlarm() {
    leaveTransport();
    if (!alarms().run()) {
      return false;
    }
    directory.letGo(this);
    return true;
  }

  /**
   * Made when it is needed: a resting object, which may be one of very many, has no room for it.
   */
  private AlarmRunner alarms() {
    return new AlarmRunner(this, storage, instances);
  }

  /** Gives the object up. False if there is work after all, and this thread has it again. */
  private boolean rest() {
    restingSinceNanos = directory.nanos();
    mailbox.endRound();
    MountedThread thread = onTransport;
    onTransport = null; // A resting object keeps no thread.
    running = false;
    if (!mailbox.hasArrivals() || !take()) {
      return true;
    }
    onTransport = thread;
    watch(); // It may have been found to rest in between.
    return false;
  }

  private void watch() {
    if (!watched) {
      directory.turnWatch().add(this);
    }
  }

  /** What the next turn is to be numbered. */
  long nextTurnNumber() {
    return ++turns;
  }

  /** This turn begins: from now on it may be cut off. */
  void beginTurn(Turn begun) {
    turn = begun;
  }

  /** A turn has come to its end. False if it was cut off, and its thread has lost the object. */
  boolean endTurn(Turn ended) {
    if (!ended.finish()) {
      return false;
    }
    turn = null;
    // The object may have interrupted its own thread; the next turn has nothing to do with that.
    boolean _ = Thread.interrupted();
    return true;
  }

  /** Why a stub breaks when the object's code, or what is run for it, throws this. Logs it. */
  BreakCause thrown(BreakReason reason, Throwable thrown, String where) {
    boolean meant = thrown instanceof StatusRuntimeException || thrown instanceof StatusException;
    logger.log(meant ? Level.FINE : Level.WARNING, thrown, () -> this + ": " + where + " threw");
    return BreakCause.thrown(reason, thrown);
  }

  // ---- turns are cut off, on any thread

  boolean hasTurnThread() {
    return running;
  }

  /** Called by the turn watch. */
  void setWatched(boolean now) {
    watched = now;
  }

  /** Called by the turn watch, one call at a time. */
  void checkTurnLimit(long nowNanos, long limitNanos) {
    Turn current = turn;
    if (current == null || current.number() != watchedTurn) {
      watchedTurn = current == null ? 0 : current.number();
      watchedSinceNanos = nowNanos;
    } else if (nowNanos - watchedSinceNanos >= limitNanos) {
      cutOff(
          current,
          BreakCause.of(
              BreakReason.INVOCATION_TIMED_OUT,
              "%s was still running at the host's limit on a turn of %s"
                  .formatted(current, directory.limits().turnLimit())));
    }
  }

  /** Cuts off whatever turn is running, if any. */
  void cutOffTurn(BreakCause cause) {
    Turn current = turn;
    if (current != null) {
      cutOff(current, cause);
    }
  }

  /** Cuts off the turn that is running, if its instance was lost with a failed commit. */
  void cutOffLostTurn(BreakCause cause) {
    Turn current = turn;
    if (current != null && current.instance().isSpent()) {
      cutOff(current, cause);
    }
  }

  /** An instance calls another object for the first time. */
  void firstCall(Instance caller) {
    Turn current = turn;
    caller.callsOthers(current != null && current.instance() == caller ? current : null);
  }

  void abort(Instance aborted, String reason) {
    Turn current = turn;
    if (current != null && current.instance() == aborted) {
      cutOff(current, BreakCause.of(BreakReason.OBJECT_RESET, "the object was aborted: " + reason));
    } else if (take()) {
      if (instances.current() == aborted) {
        instances.discard("the object was aborted: " + reason);
      }
      giveBack();
    }
    // Otherwise the next turn, or the evictor, finds the instance aborted.
  }

  /** Ends a turn from outside, takes its instance with it, and lets a new thread go on. */
  void cutOff(Turn late, BreakCause cause) {
    if (!late.cut()) {
      return;
    }
    // The turn thread has lost the object; until the new one starts, it is this thread's.
    turn = null;
    try {
      instances.discard(cause.message());
      switch (late) {
        case InvocationTurn invocation -> {
          StubQueue stub = invocation.stub();
          stub.breakTurn(cause.blaming(invocation.sequence()), pendingCommit());
          if (stub.staysScheduled()) {
            mailbox.addToRound(stub);
          }
        }
        case AlarmTurn alarm -> {
          alarms().cutOff(alarm, cause);
          directory.letGo(this);
        }
      }
    } finally {
      startTurnThread();
    }
  }

  // ---- the object rests, and others look after it

  /** Takes the object while it rests. Whoever does must {@link #giveBack give it back}. */
  private boolean take() {
    return RUNNING.compareAndSet(this, false, true);
  }

  private void giveBack() {
    running = false;
    if (mailbox.hasArrivals()) {
      wake();
    }
  }

  /**
   * Evicts the instance if the object has rested since before that time, and no commit is pending.
   *
   * @return whether there is no instance now
   */
  boolean evict(long restingBeforeNanos) {
    if (!take()) {
      return false;
    }
    try {
      if (restingSinceNanos - restingBeforeNanos <= 0 && storage.pendingCommit() == 0) {
        instances.discard("the object was idle");
      }
      return instances.current() == null;
    } finally {
      giveBack();
    }
  }

  /** Whether the object rests, and has an instance, as far as anyone can tell from outside. */
  boolean mayBeEvicted() {
    return !running && instances.current() != null;
  }

  /** Since when the object rests; only a hint while it doesn't. */
  long restingSinceNanos() {
    return restingSinceNanos;
  }

  @Override
  public String toString() {
    String name = name();
    return namespace.name() + "/" + (name == null ? "id:" + id : name);
  }
}
