package dev.seriatim.service.object;

import com.google.protobuf.Duration;
import com.google.protobuf.Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.AlarmHandler.DueAlarm;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.dispatch.MalformedArgumentException;
import dev.seriatim.service.dispatch.MethodCall;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.storage.Alarm;
import dev.seriatim.service.storage.ObjectStorage;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.wire.Invocation;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One object of this host: its mailbox, its instance, and the thread that runs its turns.
 *
 * <p>While the object has work, one thread, its turn thread, serves the stubs that have something
 * to run, one turn each, round after round. It is a virtual thread, or the transport's if the host
 * runs turns there. Whoever sets {@code running} owns the object's own fields below, until it
 * clears it again: that is the turn thread, or, after {@link #cutOff cutting off} its turn, the
 * thread that did, which hands them on to a new turn thread. The old one may still be inside the
 * object's code then; it touches nothing here any more. The evictor owns them too, for a moment,
 * when the object rests.
 */
final class LiveObject {
  private static final Logger logger = Logger.getLogger(LiveObject.class.getName());

  /** How often a turn is begun anew, with a new instance, when storage refuses the one there is. */
  private static final int MAX_BEGINNINGS = 3;

  /** How many turns in a row may run on a transport's thread, which has other stubs to read. */
  private static final int MAX_DIRECT_TURNS = 1024;

  /** What a frame needs beside one outcome, generously. */
  private static final int FRAME_OVERHEAD_BYTES = 64;

  private final ObjectDirectory directory;
  private final Namespace namespace;
  private final DurableObjectId id;
  private final QueueBudget budget;
  private final OutputGate gate = new OutputGate();
  private final ObjectStorage storage;

  private volatile @Nullable String name;

  /** Stubs that have got something to run, on their way to the round. */
  private final Queue<StubQueue> arriving = new ConcurrentLinkedQueue<>();

  private final AtomicBoolean running = new AtomicBoolean();

  /** Whether an alarm waits for its turn. Written holding this. */
  private volatile boolean alarmDue;

  // Owned by whoever has set `running`.
  private @Nullable ArrayDeque<StubQueue> round; // Null while the object rests.
  private @Nullable Instance instance;
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
    this.name = id.name().orElse(null);
    this.budget = new QueueBudget("the object", directory.limits().objectQueue());
    this.storage = directory.storage().object(namespace.name(), id, new LostCommits(this, gate));
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

  @Nullable String name() {
    return name;
  }

  QueueBudget budget() {
    return budget;
  }

  OutputGate gate() {
    return gate;
  }

  /** The commit that an outcome must wait for which may have seen all that was submitted so far. */
  long pendingCommit() {
    return storage.pendingCommit();
  }

  /** With the directory's entry for this object locked. */
  void hold(@Nullable String openedName) {
    holds++;
    if (openedName != null) {
      name = openedName;
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
    if (holds > 0 || running.get() || instance != null || storage.pendingCommit() != 0) {
      return false;
    }
    storage.close();
    return true;
  }

  /**
   * A stub has something to run. Each stub is given only once until it is served.
   *
   * @param mayRun whether the calling thread may run turns itself, if turns may run on it at all
   */
  void ready(StubQueue stub, boolean mayRun) {
    arriving.add(stub);
    if (mayRun && directory.directTurns()) {
      if (!running.getAndSet(true)) {
        serve(MAX_DIRECT_TURNS);
      }
    } else {
      wake();
    }
  }

  /**
   * Says whether an alarm waits for its turn.
   *
   * @return what was said before
   */
  private synchronized boolean setAlarmDue(boolean due) {
    boolean before = alarmDue;
    alarmDue = due;
    return before;
  }

  /** The object's alarm is due: it becomes one of the next turns. The alarm holds the object. */
  void alarmDue() {
    if (setAlarmDue(true)) {
      // It was offered again before its turn came, and there is one turn for both.
      directory.letGo(this);
    } else {
      wake();
    }
  }

  private void wake() {
    if (!running.getAndSet(true)) {
      Thread.startVirtualThread(this::serve);
    }
  }

  // ---- the turn thread

  private void serve() {
    serve(Integer.MAX_VALUE);
  }

  /** Serves until the object rests, or another thread has it, or these many stubs were served. */
  private void serve(int most) {
    if (!watched) {
      directory.turnWatch().add(this);
    }
    for (int served = 0; ; served++) {
      if (served == most) {
        Thread.startVirtualThread(this::serve);
        return;
      }
      if (alarmDue && setAlarmDue(false) && !runAlarm()) {
        return; // The turn was cut off: another thread has taken over.
      }
      StubQueue stub = nextStub();
      if (stub != null) {
        if (!serve(stub)) {
          return; // Likewise.
        }
      } else if (rest()) {
        return;
      }
    }
  }

  /** Puts a stub at the end of the round. */
  private void join(StubQueue stub) {
    if (round == null) {
      round = new ArrayDeque<>(4);
    }
    round.add(stub);
  }

  private @Nullable StubQueue nextStub() {
    for (StubQueue stub = arriving.poll(); stub != null; stub = arriving.poll()) {
      join(stub);
    }
    return round == null ? null : round.poll();
  }

  /** Gives the object up. False if there is work after all, and this thread has it again. */
  private boolean rest() {
    restingSinceNanos = directory.nanos();
    round = null;
    running.set(false);
    return !hasWork() || running.getAndSet(true);
  }

  private boolean hasWork() {
    return !arriving.isEmpty() || alarmDue;
  }

  /** Runs one turn for this stub. False if this thread has lost the object meanwhile. */
  private boolean serve(StubQueue stub) {
    Invocation invocation = stub.takeInvocation();
    if (invocation != null && !run(stub, invocation)) {
      return false;
    }
    if (stub.staysScheduled()) {
      join(stub);
    }
    return true;
  }

  private boolean run(StubQueue stub, Invocation invocation) {
    long sequence = invocation.sequence();
    ObjectMethod method = namespace.methods().find(invocation.method());
    if (method == null) {
      return refuse(
          stub,
          sequence,
          BreakReason.UNKNOWN_METHOD,
          "method '%s' is not a unary method of %s"
              .formatted(invocation.method(), namespace.methods().serviceName()));
    }
    Duration timeout = invocation.timeout();
    long timeoutNanos = Long.MAX_VALUE;
    Metadata metadata;
    Object argument;
    Value json = invocation.json();
    try {
      if (timeout != null) {
        timeoutNanos = toNanos(timeout);
        timeoutNanos -= Math.min(timeoutNanos, directory.nanos() - stub.arrivedNanos());
      }
      metadata = InvocationMetadata.read(invocation, stub.isLocal());
      argument = json == null ? method.parse(invocation.message()) : method.parse(json);
    } catch (MalformedArgumentException e) {
      return refuse(stub, sequence, BreakReason.MALFORMED_ARGUMENT, String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      return refuse(stub, sequence, BreakReason.PROTOCOL_VIOLATION, String.valueOf(e.getMessage()));
    } catch (RuntimeException | Error e) { // Memory or stack may be short; the object must go on.
      stub.breakTurn(
          thrown(BreakReason.OBJECT_EXCEPTION, e, "the argument's parser").blaming(sequence),
          pendingCommit());
      return true;
    }
    if (timeoutNanos <= 0) {
      return refuse(
          stub,
          sequence,
          BreakReason.INVOCATION_TIMED_OUT,
          "invocation %d of %s had a timeout of %s, which ran out before its turn"
              .formatted(sequence, method.name(), timeoutOf(invocation)));
    }
    return runTurn(stub, invocation, method, argument, metadata, timeoutNanos);
  }

  private boolean refuse(StubQueue stub, long sequence, BreakReason reason, String message) {
    stub.breakTurn(BreakCause.of(reason, message).blaming(sequence), pendingCommit());
    return true;
  }

  private static String timeoutOf(Invocation invocation) {
    Duration timeout = invocation.timeout();
    return timeout == null ? "none" : Durations.toString(timeout);
  }

  private static long toNanos(Duration timeout) {
    Durations.checkValid(timeout);
    long seconds = Math.min(timeout.getSeconds(), TimeUnit.DAYS.toSeconds(365 * 100));
    return TimeUnit.SECONDS.toNanos(Math.max(0, seconds))
        + (timeout.getSeconds() < 0 ? 0 : Math.max(0, timeout.getNanos()));
  }

  private boolean runTurn(
      StubQueue stub,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      long timeoutNanos) {
    Turn running;
    try {
      running = beginTurn(stub, invocation.sequence());
    } catch (BreakException e) {
      stub.breakTurn(e.cause(), pendingCommit());
      return true;
    }
    if (running == null) {
      return false;
    }
    BreakCause failure = null;
    if (!stub.isBroken()) {
      try {
        failure = execute(running, invocation, method, argument, metadata, timeoutNanos);
      } catch (Throwable thrown) { // Out of memory, say. Whatever it is, the object must go on.
        failure = thrown(BreakReason.OBJECT_EXCEPTION, thrown, method.name());
      }
    }
    if (!running.finish()) {
      return false;
    }
    endTurn(running, stub, failure);
    return true;
  }

  /**
   * Begins a turn on a live instance.
   *
   * @return null if this thread has lost the object at once
   */
  private @Nullable Turn beginTurn(StubQueue stub, long sequence) throws BreakException {
    while (true) {
      Instance current = beginTurn();
      Turn begun = new Turn(++turns, stub, sequence, current);
      turn = begun;
      if (!current.isAborted()) {
        return begun;
      }
      // Whoever has aborted it may not have seen that this turn begins. It needs another instance.
      if (!begun.finish()) {
        return null;
      }
      turn = null;
      current.storage().rollback();
    }
  }

  /**
   * Runs the object's code for a turn: all of it, so that none can outlast the limit on a turn.
   *
   * @return why the turn failed, or null if it didn't
   */
  private @Nullable BreakCause execute(
      Turn running,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      long timeoutNanos) {
    Instance current = running.instance();
    Future<?> timer =
        timeoutNanos == Long.MAX_VALUE
            ? null
            : directory
                .timer()
                .schedule(() -> timedOut(running, invocation), timeoutNanos, TimeUnit.NANOSECONDS);
    Context.@Nullable CancellableContext own =
        ownContext(current, invocation, metadata, timeoutNanos);
    Context context = own == null ? current.context() : own;
    Context previous = context.attach();
    BreakCause failure;
    MethodCall<?, ?> call = null;
    try {
      failure = start(current);
      if (failure == null && !running.isCutOff()) {
        call = current.call(method, argument, metadata, running, invocation.json() != null);
        call.run();
        running.awaitReply();
        failure = running.failure();
      }
      if (failure == null && !running.isCutOff()) {
        failure = overlongOutcome(running, method);
      }
    } catch (Throwable thrown) { // Whatever the object throws, an Error too, is its reply.
      failure = thrown(BreakReason.OBJECT_EXCEPTION, thrown, method.name());
    }
    if (failure != null && own != null && isExpired(own)) {
      // The object may have failed just because its deadline passed: it is the deadline that
      // counts.
      timedOut(running, invocation);
    }
    if (call != null) {
      finish(call);
    }
    context.detach(previous);
    if (own != null) {
      own.cancel(null);
    }
    if (timer != null) {
      timer.cancel(false);
    }
    return failure;
  }

  /** A turn has ended by itself, and can't be cut off any more. */
  private void endTurn(Turn ended, StubQueue stub, @Nullable BreakCause failed) {
    turn = null;
    // The object may have interrupted its own thread; the next turn has nothing to do with that.
    boolean _ = Thread.interrupted();
    Instance current = ended.instance();
    if (stub.isBroken()) {
      // A commit of this stub's was lost: nothing that is behind it may leave a trace.
      failTurn(
          current,
          failed == null
              ? BreakCause.of(BreakReason.OBJECT_RESET, "an earlier commit of the stub was lost")
              : failed);
      return;
    }
    BreakCause failure = failed;
    long commit = 0;
    if (failure == null) {
      try {
        commit = current.storage().endTurn();
      } catch (RuntimeException | Error e) {
        failure = notSubmitted(current, e);
      }
    }
    if (failure == null) {
      stub.complete(ended.outcome(), commit);
    } else {
      failTurn(current, failure);
      stub.breakTurn(
          failure.reason() == BreakReason.OBJECT_START_FAILED
              ? failure
              : failure.blaming(ended.sequence()),
          pendingCommit());
    }
  }

  /** False if this thread has lost the object meanwhile. */
  private boolean runAlarm() {
    if (directory.isDraining()) {
      directory.letGo(this); // It stays in the store.
      return true;
    }
    Turn running = null;
    BreakCause failure = null;
    try {
      running = beginAlarm();
      if (running != null) {
        failure = runAlarm(running);
      }
    } catch (BreakException | RuntimeException e) {
      logger.log(Level.WARNING, e, () -> this + ": the alarm is put off");
      discardInstance("the alarm could not begin");
      directory.storage().postponeAlarm(namespace.name(), id);
    }
    if (running != null) {
      if (!running.finish()) {
        return false;
      }
      turn = null;
      boolean _ = Thread.interrupted();
      endAlarm(running, failure);
    }
    directory.letGo(this);
    return true;
  }

  /** Null if there is nothing to run. If it is cut off at once, it is the caller who finds out. */
  private @Nullable Turn beginAlarm() throws BreakException {
    while (true) {
      Instance current = liveInstance();
      Alarm alarm = current.storage().beginAlarmTurn();
      if (alarm == null) {
        return null;
      }
      Turn begun = new Turn(++turns, alarm, current);
      turn = begun;
      if (!current.isAborted() || !begun.finish()) {
        return begun;
      }
      turn = null;
      current.storage().rollback();
    }
  }

  private @Nullable BreakCause runAlarm(Turn running) {
    Instance current = running.instance();
    Alarm alarm = running.alarm();
    if (alarm == null || running.isCutOff()) {
      return null;
    }
    Context previous = current.context().attach();
    try {
      BreakCause failure = start(current);
      AlarmHandler handler = current.alarmHandler();
      if (running.isCutOff()) {
        return failure;
      }
      if (failure == null && handler == null) {
        logger.warning(() -> this + ": an alarm is dropped, for the object is no AlarmHandler");
      } else if (failure == null && handler != null) {
        handler.alarm(new DueAlarm(alarm.due(), alarm.retries()));
      }
      return failure;
    } catch (Throwable thrown) { // Whatever the object throws, an Error too, fails its alarm.
      return thrown(BreakReason.OBJECT_EXCEPTION, thrown, "the alarm");
    } finally {
      current.context().detach(previous);
    }
  }

  private void endAlarm(Turn ending, @Nullable BreakCause failed) {
    Instance current = ending.instance();
    BreakCause failure = failed;
    if (failure == null) {
      try {
        current.storage().endTurn();
      } catch (RuntimeException | Error e) {
        failure = notSubmitted(current, e);
      }
    }
    if (failure != null) {
      failTurn(current, failure);
      retryAlarm(ending, failure);
    }
  }

  private void retryAlarm(Turn failed, BreakCause cause) {
    Alarm alarm = failed.alarm();
    if (alarm != null) {
      try {
        storage.retryAlarm(alarm, cause.toStatus().asException());
      } catch (RuntimeException e) {
        logger.log(Level.WARNING, e, () -> this + ": the alarm is put off");
        directory.storage().postponeAlarm(namespace.name(), id);
      }
    }
  }

  /** Opens the bracket of a turn on an instance that may have to be started yet. */
  private Instance beginTurn() throws BreakException {
    for (int attempt = 1; ; attempt++) {
      Instance current = liveInstance();
      try {
        current.storage().beginTurn();
        return current;
      } catch (RuntimeException e) {
        // The host has lost the object: a new instance can be made only when it has it again.
        discardInstance(String.valueOf(e.getMessage()));
        if (attempt == MAX_BEGINNINGS) {
          throw new BreakException(reset(e));
        }
      }
    }
  }

  private Instance liveInstance() throws BreakException {
    if (instance != null && instance.isSpent()) {
      discardInstance("the object was reset");
    }
    if (instance == null) {
      if (!directory.evictor().makeRoom()) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.OVERLOADED,
                "the host has %,d live instances, none of them idle, expected fewer"
                    .formatted(directory.limits().maxInstances())));
      }
      try {
        instance = new Instance(this, storage.newInstance());
      } catch (RuntimeException e) {
        directory.evictor().instanceGone();
        throw new BreakException(reset(e));
      }
    }
    return instance;
  }

  private @Nullable BreakCause start(Instance current) {
    if (current.isStarted()) {
      return null;
    }
    try {
      current.start();
      return null;
    } catch (Throwable thrown) { // The factory is the object's code, like its methods.
      return thrown(BreakReason.OBJECT_START_FAILED, thrown, "the factory");
    }
  }

  private BreakCause thrown(BreakReason reason, Throwable thrown, String where) {
    boolean meant = thrown instanceof StatusRuntimeException || thrown instanceof StatusException;
    logger.log(meant ? Level.FINE : Level.WARNING, thrown, () -> this + ": " + where + " threw");
    // A store that failed is no fault of the object's, and the same call may well succeed later.
    return thrown instanceof StorageException && thrown.getCause() instanceof SQLException
        ? reset(thrown)
        : BreakCause.thrown(reason, thrown);
  }

  private BreakCause notSubmitted(Instance current, Throwable thrown) {
    return current.storage().refusal() == null
        ? thrown(BreakReason.OBJECT_EXCEPTION, thrown, "the end of the turn")
        : reset(thrown);
  }

  private static BreakCause reset(Throwable why) {
    return BreakCause.of(BreakReason.OBJECT_RESET, String.valueOf(why.getMessage()));
  }

  /** Drops what the turn wrote, and the instance with it if memory may say otherwise. */
  private void failTurn(Instance current, BreakCause failure) {
    boolean wrote = current.storage().rollback();
    if (wrote || !current.isStarted() || failure.reason() == BreakReason.OBJECT_RESET) {
      discardInstance("a turn failed: " + failure.message());
    }
  }

  private static boolean isExpired(Context context) {
    Deadline deadline = context.getDeadline();
    return deadline != null && deadline.isExpired();
  }

  /**
   * A client would lose its stub over a frame that it refuses to read; so this is told in order.
   */
  private @Nullable BreakCause overlongOutcome(Turn running, ObjectMethod method) {
    int size = running.outcome().size();
    int limit = directory.limits().maxFrameBytes() - FRAME_OVERHEAD_BYTES;
    if (size <= limit) {
      return null;
    }
    Status status =
        Status.RESOURCE_EXHAUSTED.withDescription(
            "the response of %s has %,d bytes, expected at most %,d"
                .formatted(method.name(), size, limit));
    return BreakCause.thrown(
        BreakReason.OBJECT_EXCEPTION, status, new Metadata(), "response too long");
  }

  /** A context of the invocation's own, if it has a deadline or metadata. */
  private Context.@Nullable CancellableContext ownContext(
      Instance current, Invocation invocation, Metadata metadata, long timeoutNanos) {
    if (timeoutNanos == Long.MAX_VALUE && invocation.metadata().isEmpty()) {
      return null;
    }
    Context context = current.context().withValue(DurableObjectState.INVOCATION_METADATA, metadata);
    String chain = invocation.metadata().getOrDefault(CallChain.METADATA_KEY, "");
    if (!chain.isEmpty()) {
      context = CallChain.extend(context, chain, current);
    }
    return timeoutNanos == Long.MAX_VALUE
        ? context.withCancellation()
        : context.withDeadlineAfter(timeoutNanos, TimeUnit.NANOSECONDS, directory.timer());
  }

  private void finish(MethodCall<?, ?> call) {
    try {
      call.finish();
    } catch (RuntimeException | Error e) {
      logger.log(Level.WARNING, e, () -> this + ": a listener threw after its reply");
    }
  }

  private void discardInstance(String why) {
    Instance discarded = instance;
    instance = null;
    if (discarded != null) {
      discarded.discard(why);
      directory.evictor().instanceGone();
    }
  }

  // ---- any thread

  private void timedOut(Turn late, Invocation invocation) {
    cutOff(
        late,
        BreakCause.of(
            BreakReason.INVOCATION_TIMED_OUT,
            "invocation %d of %s was still running at the end of its timeout of %s"
                .formatted(late.sequence(), invocation.method(), timeoutOf(invocation))));
  }

  boolean hasTurnThread() {
    return running.get();
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
              "invocation %d was still running at the host's limit on a turn of %s"
                  .formatted(current.sequence(), directory.limits().turnLimit())));
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

  void abort(Instance aborted, String reason) {
    Turn current = turn;
    if (current != null && current.instance() == aborted) {
      cutOff(current, BreakCause.of(BreakReason.OBJECT_RESET, "the object was aborted: " + reason));
    } else if (take()) {
      if (instance == aborted) {
        discardInstance("the object was aborted: " + reason);
      }
      giveBack();
    }
    // Otherwise the next turn, or the evictor, finds the instance aborted.
  }

  /** Ends a turn from outside, takes its instance with it, and lets a new thread go on. */
  private void cutOff(Turn late, BreakCause cause) {
    if (!late.cut()) {
      return;
    }
    // The turn thread has lost the object; until the new one starts, it is this thread's.
    turn = null;
    try {
      discardInstance(cause.message());
      StubQueue stub = late.stub();
      if (stub == null) {
        retryAlarm(late, cause);
        directory.letGo(this);
      } else {
        stub.breakTurn(cause.blaming(late.sequence()), pendingCommit());
        if (stub.staysScheduled()) {
          join(stub);
        }
      }
    } finally {
      Thread.startVirtualThread(this::serve);
    }
  }

  /** Takes the object while it rests. Whoever does must {@link #giveBack give it back}. */
  private boolean take() {
    return running.compareAndSet(false, true);
  }

  private void giveBack() {
    running.set(false);
    if (hasWork()) {
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
        discardInstance("the object was idle");
      }
      return instance == null;
    } finally {
      giveBack();
    }
  }

  /** Whether the object rests, and has an instance, as far as anyone can tell from outside. */
  boolean mayBeEvicted() {
    return !running.get() && instance != null;
  }

  /** Since when the object rests; only a hint while it doesn't. */
  long restingSinceNanos() {
    return restingSinceNanos;
  }

  @Override
  public String toString() {
    return namespace.name() + "/" + (name == null ? "id:" + id : name);
  }
}
