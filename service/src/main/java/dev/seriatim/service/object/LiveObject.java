package dev.seriatim.service.object;

import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.FailedTurn;
import dev.seriatim.service.session.OutcomeBudget;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionHost;
import dev.seriatim.service.session.SessionObject;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.SessionRecord;
import dev.seriatim.service.session.UntoldEnd;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.ObjectPath;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One object of this host.
 *
 * <p>While the object has work, one thread, its {@link TurnThread}, has it: it owns the object's
 * own fields below, the round of the {@link Mailbox}, and the {@link Instances}. After {@link
 * #cutOff cutting off} its turn it is the thread that did, which hands the object on to a new turn
 * thread. The old one may still be inside the object's code then; it touches nothing here any more.
 * The evictor has the object too, for a moment, when it rests. See {@link Possession}.
 */
final class LiveObject implements SessionObject, Possession.Owner {
  private static final Logger logger = LoggerFactory.getLogger(LiveObject.class);

  private final ObjectDirectory directory;
  private final Namespace namespace;
  private final DurableObjectId id;
  private final QueueBudget budget;
  private final OutputGate gate = new OutputGate();
  private final ObjectLog log;

  /** Null as long as nothing had to be counted. */
  private volatile @Nullable OutcomeBudget outcomeBudget;

  /** Null as long as there was no session, and no idempotency key. */
  private volatile @Nullable SessionTable sessions;

  private final Mailbox mailbox = new Mailbox();
  private final Instances instances;
  private final Possession possession = new Possession(this);

  // Owned by whoever has the object.
  private long restingSinceNanos;
  private long turns;

  /** The turn that is running, for those who may have to cut it off. Written by the owner. */
  private volatile @Nullable Turn turn;

  /** How a stub broke last; null if none has. Written by whoever tells its client. */
  private volatile @Nullable LastBreak lastBreak;

  /** How many stubs, alarms and orders hold this object. Guarded by the directory's entry. */
  private int holds;

  /** Whether the turn watch looks at this object. */
  private volatile boolean watched;

  LiveObject(ObjectDirectory directory, Namespace namespace, DurableObjectId id) {
    this.directory = directory;
    this.namespace = namespace;
    this.id = id;
    this.budget =
        new QueueBudget(
            "the object", directory.host().limits().objectQueue(), directory.host().queued());
    this.log = directory.host().storage().log(namespace.name(), id, new LostCommits(this, gate));
    this.instances = new Instances(this, log);
  }

  ObjectDirectory directory() {
    return directory;
  }

  /** What this object uses of its host. */
  ObjectHost host() {
    return directory.host();
  }

  @Override
  public SessionHost sessionHost() {
    return directory.host().sessions();
  }

  Namespace namespace() {
    return namespace;
  }

  @Override
  public DurableObjectId id() {
    return id;
  }

  /** What the object is called, as far as that is known without asking the store. */
  @Nullable String name() {
    return log.knownName();
  }

  /** What the object has committed, and is about to. */
  ObjectLog log() {
    return log;
  }

  @Override
  public QueueBudget budget() {
    return budget;
  }

  /** Few objects ever have much to count. */
  @Override
  public OutcomeBudget outcomeBudget() {
    OutcomeBudget made = outcomeBudget;
    return made == null ? makeOutcomeBudget() : made;
  }

  private synchronized OutcomeBudget makeOutcomeBudget() {
    OutcomeBudget made = outcomeBudget;
    if (made == null) {
      made =
          new OutcomeBudget("the object", host().limits().objectOutcomeBytes(), host().outcomes());
      outcomeBudget = made;
    }
    return made;
  }

  @Override
  public OutputGate gate() {
    return gate;
  }

  @Override
  public long pendingCommit() {
    return log.pendingCommit();
  }

  // ---- who holds the object in memory

  /** With the directory's entry for this object locked. */
  void hold(@Nullable String openedName) {
    holds++;
    if (openedName != null) {
      log.learnName(openedName);
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
    if (holds > 0
        || possession.isTaken()
        || instances.current() != null
        || log.pendingCommit() != 0) {
      return false;
    }
    SessionTable remembered = sessions;
    if (remembered != null) {
      remembered.retire();
    }
    log.close();
    return true;
  }

  // ---- sessions, by whoever has the object

  /** The object's sessions, of which few objects have any. */
  SessionTable sessions() {
    SessionTable made = sessions;
    if (made == null) {
      made = new SessionTable(sessionHost(), host().storage().options().sessionRetention(), log);
      sessions = made;
    }
    return made;
  }

  @Override
  public void claim(Session connection, SessionOpen open) throws BreakException {
    sessions().claim(connection, open);
  }

  @Override
  public long submit(SessionRecord record) {
    return sessions().stored().submitBreak(record);
  }

  @Override
  public void closed(SessionRecord record) {
    sessions().closed(record);
  }

  // ---- work comes in, on any thread

  /** An object may not wait for itself. */
  @Override
  public @Nullable BreakCause refusal(List<Invocation> invocations) {
    return directory.host().callChains().refusal(this, invocations);
  }

  @Override
  public void told(Broken broken, @Nullable FailedTurn turn) {
    lastBreak = LastBreak.of(directory.host().storage().options().clock().instant(), broken, turn);
    directory.counts().broken(this, broken, /* byTurn= */ turn != null && turn.ran());
  }

  @Override
  public void lost(UntoldEnd end) {
    directory.counts().lost(this, end);
  }

  @Override
  public void ended(Session session) {
    directory.detach(session, this);
  }

  @Override
  public void ready(Session stub, boolean byTransport) {
    mailbox.add(stub);
    TransportRound round = byTransport ? TransportRound.current() : null;
    if (round != null) {
      round.add(this);
    } else if (possession.take()) {
      possession.handOn(byTransport);
    }
  }

  /**
   * The round on the transport's thread has come to this object.
   *
   * @param beganNanos when turns began on that thread
   */
  void serveHere(MountedThread thread, long beganNanos) {
    if (hasWork() && possession.take()) {
      TurnThread turns;
      try {
        turns = new TurnThread(this, mailbox, instances);
      } catch (Throwable thrown) { // No memory. What is to be done then, is said there.
        possession.handOn(/* here= */ false);
        return;
      }
      turns.run(thread, beganNanos);
    }
  }

  /** The round on the transport's thread has no time for this object. */
  void serveElsewhere() {
    if (hasWork() && possession.take()) {
      possession.handOn(/* here= */ false);
    }
  }

  /** The object's alarm is due: it becomes one of the next turns. The alarm holds the object. */
  void alarmDue() {
    if (!mailbox.addAlarm()) {
      // It was offered again before its turn came, and there is one turn for both.
      directory.letGo(this);
    } else if (possession.take()) {
      possession.handOn(/* here= */ false);
    }
  }

  /** An operator or a test wants something. The order holds the object. */
  void order(Order<?> order) {
    mailbox.add(order);
    serveElsewhere();
  }

  // ---- whoever has the object

  Possession possession() {
    return possession;
  }

  @Override
  public boolean hasWork() {
    return mailbox.hasArrivals();
  }

  @Override
  public void startThread(boolean here) {
    new TurnThread(this, mailbox, instances).start(here);
  }

  @Override
  public void dropWork(Throwable why) {
    lastResort().dropAll(why);
  }

  /** Made when it is needed, as the next. */
  LastResort lastResort() {
    return new LastResort(this, mailbox, instances);
  }

  /** Made when it is needed: a resting object, of which there may be many, has no room for it. */
  AlarmRunner alarms() {
    return new AlarmRunner(this, log, instances);
  }

  /** The turn thread finds nothing to run. */
  void willRest(long nanos) {
    restingSinceNanos = nanos;
    mailbox.endRound();
  }

  void watch() {
    if (!watched) {
      directory.host().turnWatch().add(this);
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

  /** The turn that is running, or null; only a hint. */
  @Nullable Turn turn() {
    return turn;
  }

  /** The turn has ended by itself. */
  void turnEnded() {
    turn = null;
  }

  /** Logs what has happened to this object, also if that is an exception which can't be shown. */
  void log(Level level, Throwable thrown, String what, LogSubject about) {
    try {
      about.on(logEvent(level)).setCause(thrown).log(what);
    } catch (RuntimeException | Error e) {
      about.on(logEvent(level)).log("{}: {}", what, Legible.of(thrown));
    }
  }

  /** A record of this object, in the log. */
  LoggingEventBuilder logEvent(Level level) {
    return logEvent(logger, level);
  }

  @Override
  public LoggingEventBuilder logEvent(Logger log, Level level) {
    String name = name();
    LoggingEventBuilder event = log.atLevel(level).addKeyValue("namespace", namespace.name());
    return (name == null ? event : event.addKeyValue("object", name)).addKeyValue("id", id);
  }

  /** Made when it is needed, too: cuts its turns off. Any thread. */
  CutOff cutOff() {
    return new CutOff(this, mailbox, instances);
  }

  // ---- those who watch its turns, on any thread

  boolean hasTurnThread() {
    return possession.isTaken();
  }

  /** Called by the turn watch. */
  void setWatched(boolean now) {
    watched = now;
  }

  /** An instance calls another object for the first time. */
  void firstCall(Instance caller) {
    Turn current = turn;
    caller.callsOthers(current != null && current.instance() == caller ? current : null);
  }

  // ---- the object rests, and others look after it

  /**
   * Evicts the instance if the object has rested since before that time, and no commit is pending.
   *
   * @return whether there is no instance now
   */
  boolean evict(long restingBeforeNanos, EvictionReason reason) {
    if (!possession.take()) {
      return false;
    }
    try {
      if (restingSinceNanos - restingBeforeNanos <= 0 && log.pendingCommit() == 0) {
        instances.discard("the object was idle", reason);
      }
      mailbox.putBackRound();
      return instances.current() == null;
    } finally {
      possession.giveBack();
    }
  }

  /** Whether a turn runs or waits, or a commit of one is on its way. */
  boolean isAtWork() {
    return possession.isTaken() || log.pendingCommit() != 0;
  }

  /** Whether the object has an instance, as far as anyone can tell from outside. */
  boolean hasInstance() {
    return instances.current() != null;
  }

  /** The object's instance, as far as anyone can tell from outside; null if it has none. */
  @Nullable Instance instance() {
    return instances.current();
  }

  /** How a stub of the object broke last; null if none has. */
  @Nullable LastBreak lastBreak() {
    return lastBreak;
  }

  /** Since when the object rests; only a hint while it doesn't. */
  long restingSinceNanos() {
    return restingSinceNanos;
  }

  @Override
  public String toString() {
    String name = name();
    return name == null
        ? ObjectPath.byId(namespace.name(), id.toString())
        : ObjectPath.byName(namespace.name(), name);
  }
}
