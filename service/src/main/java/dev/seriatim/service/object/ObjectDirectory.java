package dev.seriatim.service.object;

import static com.google.common.base.Preconditions.checkNotNull;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostStatistics.Amount;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.InvocationTracer;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjects;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The live objects of one host, and the stubs that are open on them. Safe for any number of
 * threads.
 */
public final class ObjectDirectory implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(ObjectDirectory.class);

  private final Namespaces namespaces;
  private final HeldTransport heldTransport;
  private final HostCounts counts;
  private final ObjectHost host;
  private final CarrierWatch carrierWatch;

  /** By id alone: the ids of two namespaces are never the same, since their unique keys differ. */
  private final ConcurrentMap<DurableObjectId, LiveObject> objects = new ConcurrentHashMap<>();

  private final OpenStubs stubs = new OpenStubs();
  private final Moves moves = new Moves(stubs, objects.values());
  private final Drain drain = new Drain(stubs::noneOfClients);
  private volatile boolean closed;
  private volatile @Nullable DurableObjects localObjects;

  /**
   * A directory without objects.
   *
   * @param storage which it closes in the end
   * @param nanos the host's clock, which only goes forward
   * @param tracer who follows invocations, or null if nobody does
   */
  public ObjectDirectory(
      Namespaces namespaces,
      HostLimits limits,
      StorageEngine storage,
      LongSupplier nanos,
      @Nullable InvocationTracer tracer) {
    this(
        namespaces,
        limits,
        storage,
        MountedThread.Starter.find(),
        new HostThreads(),
        nanos,
        tracer);
  }

  ObjectDirectory(
      Namespaces namespaces,
      HostLimits limits,
      StorageEngine storage,
      MountedThread.@Nullable Starter threadStarter,
      Executor threads,
      LongSupplier nanos,
      @Nullable InvocationTracer tracer) {
    this.namespaces = namespaces;
    this.counts = new HostCounts(namespaces, new Tails(limits.tails(), storage.options().clock()));
    BarredMethods barred = new BarredMethods(nanos);
    heldTransport = new HeldTransport(barred);
    Evictor evictor = new Evictor(limits, nanos, objects.values(), this::retire);
    host =
        ObjectHost.of(
            limits,
            storage,
            threads,
            threadStarter,
            nanos,
            heldTransport,
            evictor,
            drain,
            tracer,
            this::localObjects);
    host.turnWatch().start(host.timer());
    Collection<LiveObject> active = host.turnWatch().active();
    carrierWatch =
        new CarrierWatch(
            active, host.stuckTurns(), threads, new TransportWatch(heldTransport, barred, active));
    carrierWatch.start();
    evictor.start();
  }

  /** Begins to run alarms. */
  public void startAlarms() {
    host.storage().startAlarms(namespaces.names(), this::alarmDue);
  }

  /** Sets the client that objects of this host call each other with. Before the host starts. */
  public void connectLocally(DurableObjects client) {
    localObjects = client;
  }

  private DurableObjects localObjects() {
    return checkNotNull(localObjects, "the host was not started");
  }

  /** What may be opened. */
  public Namespaces namespaces() {
    return namespaces;
  }

  /**
   * Has the objects run, from their next turn on, the code of these namespaces. Stubs stay open; a
   * turn that runs ends as it began; instances that rest go at once, and others when they come to.
   * To be called by one thread at a time.
   *
   * @throws IllegalArgumentException if they aren't the same namespaces; nothing is replaced then
   */
  public void takeCodeOf(Map<String, Namespace> next) {
    namespaces.takeCodeOf(next);
    for (String name : namespaces.names()) {
      host.storage().types(name).forget();
    }
    for (LiveObject object : objects.values()) {
      if (!object.hasInstance()) {
        continue;
      }
      if (object.evict(host.nanos(), EvictionReason.ASKED)) {
        retire(object);
      } else {
        var _ = control().evict(new ObjectAddress(object.namespace(), object.id()));
      }
    }
  }

  /** Counts what happens here. */
  public HostCounts counts() {
    return counts;
  }

  /**
   * A stub breaks that came in here, on an object that is elsewhere, before its owner was found:
   * counts it, and tells who follows them of its invocations.
   *
   * @param undelivered what the owner would have got
   * @param waited for how long that has waited
   */
  public void brokenElsewhere(
      ObjectAddress address, List<StubFrame> undelivered, Duration waited, BreakCause cause) {
    counts.broken(address, cause);
    InvocationTracer tracer = host.tracer();
    if (tracer != null) {
      UndeliveredTraces.tell(tracer, address, undelivered, waited, cause);
    }
  }

  /** What was counted for each namespace. */
  public ImmutableList<OfNamespace> countedByNamespace() {
    return counts.read(host.turnWatch().active(), host.storage().alarmsSet());
  }

  /** What is limited, and is counted here. */
  public ImmutableList<Amount> amounts() {
    HostLimits limits = limits();
    return ImmutableList.of(
        new Amount(
            "queued_invocations", host.queued().invocations(), limits.hostQueue().invocations()),
        new Amount("queued_bytes", host.queued().bytes(), limits.hostQueue().bytes()),
        new Amount("unread_outcome_bytes", host.outcomes().bytes(), limits.hostOutcomeBytes()),
        new Amount(
            "session_bytes",
            host.sessions().sessionMemory().bytes(),
            limits.sessions().maxUnacknowledgedBytesOfHost()),
        new Amount("instances", host.evictor().size(), limits.maxInstances()));
  }

  /** What the objects use of this host. */
  ObjectHost host() {
    return host;
  }

  /** Runs each of its tasks on a thread that may be held up. */
  public ScheduledExecutorService timer() {
    return host.timer();
  }

  /** The limits of the host. */
  public HostLimits limits() {
    return host.limits();
  }

  /**
   * Opens a stub.
   *
   * @param attachment what carries it
   * @param local whether it is an object of this host that opens it
   * @param session what makes it a connection of a session; null if it is none
   */
  public Session open(
      ObjectAddress address, Attachment attachment, boolean local, @Nullable SessionOpen session) {
    LiveObject object = hold(address);
    Session stub = new Session(object, attachment, local, session);
    counts.of(address.namespace()).stubs.increment();
    stubs.add(stub, local);
    if (local ? closed : drain.hasBegun()) {
      stub.breakSoon(drainCause());
    } else if (!moves.letsIn(address.id(), local)) {
      stub.breakSoon(Departures.cause());
    } else {
      stub.begin();
    }
    return stub;
  }

  /** What becomes of objects and stubs when slots go to other hosts, or come back. */
  public Moves moves() {
    return moves;
  }

  /**
   * What comes on the calling thread from now on belongs together: the turns that can run on it do
   * so at the end.
   *
   * @return whether the end has to be told, by {@link #endRound}
   */
  public boolean beginRound() {
    return TransportRound.begin(host);
  }

  /** Runs what has come since {@link #beginRound}. */
  public void endRound() {
    TransportRound.end();
  }

  /** What operators and tests do to the objects. */
  public ObjectControl control() {
    return new ObjectControl(this);
  }

  /** The object of this id, if it is live. */
  @Nullable LiveObject find(DurableObjectId id) {
    return objects.get(id);
  }

  /** The stubs that are open. */
  OpenStubs stubs() {
    return stubs;
  }

  /** The object, made if need be, which someone holds now who will {@link #letGo let it go}. */
  LiveObject hold(ObjectAddress address) {
    return objects.compute(
        address.id(),
        (id, present) -> {
          LiveObject object = present == null ? make(address, id) : present;
          object.hold(address.id().name().orElse(null));
          return object;
        });
  }

  private LiveObject make(ObjectAddress address, DurableObjectId id) {
    LiveObject made = new LiveObject(this, address.namespace(), id);
    counts.of(address.namespace()).objects.increment();
    return made;
  }

  private @Nullable LiveObject unlessRetired(LiveObject object) {
    if (!object.retire()) {
      return object;
    }
    counts.of(object.namespace()).objects.decrement();
    return null;
  }

  /** One that held the object doesn't any more; forgets the object if that was the last. */
  void letGo(LiveObject object) {
    objects.computeIfPresent(
        object.id(),
        (id, present) -> {
          object.letGo();
          return unlessRetired(object);
        });
  }

  /** Forgets the object if nobody holds it and there is nothing to keep. */
  void retire(LiveObject object) {
    objects.computeIfPresent(
        object.id(), (id, present) -> present == object ? unlessRetired(object) : present);
  }

  private void alarmDue(String namespace, String id, @Nullable String name, Instant due) {
    offerAlarm(namespaces.stored(namespace, id, name));
  }

  void offerAlarm(ObjectAddress address) {
    hold(address).alarmDue();
  }

  /** A stub's call is over. May be called again. */
  void detach(Session stub, LiveObject object) {
    if (!stubs.remove(stub)) {
      return;
    }
    counts.of(object.namespace()).stubs.decrement();
    letGo(object);
    drain.stubEnded();
  }

  /**
   * Offers no alarm any more, and breaks every stub when the turn that it is in has ended, and
   * every stub that is opened from now on. Blocks until all have been told and the alarms that run
   * have ended, at most for the host's drain limit; then cuts off the turns that are still running.
   */
  public void drain() throws InterruptedException {
    beginDrain();
    stubs.breakOfClients(id -> true, drainCause());
    if (!drain.await(limits().drainLimit())) {
      logger.warn(
          "{} stubs and {} other turns had not ended at the drain limit of {}",
          stubs.countOfClients(),
          drain.others(),
          limits().drainLimit());
      for (LiveObject object : objects.values()) {
        object
            .cutOff()
            .running(
                BreakCause.of(
                    BreakReason.OBJECT_RESET, "the turn outlasted the host's drain limit"));
      }
    }
  }

  private void beginDrain() {
    host.storage().stopAlarms();
    drain.begin();
    host.stuckTurns().close();
  }

  /** Whether the host is shutting down. */
  public boolean isDraining() {
    return drain.hasBegun();
  }

  /** Why stubs break when the host shuts down. */
  public static BreakCause drainCause() {
    return BreakCause.of(BreakReason.HOST_DRAINING, "the host is shutting down");
  }

  /** Stops the threads of this directory, and whatever turn is running. */
  @Override
  public void close() {
    beginDrain();
    closed = true;
    // First these, so that an object whose turn is cut off has nothing more to run.
    stubs.breakOfClients(id -> true, drainCause());
    stubs.breakOfObjects(id -> true, drainCause());
    BreakCause cause = BreakCause.of(BreakReason.OBJECT_RESET, "the host has stopped");
    for (LiveObject object : objects.values()) {
      object.cutOff().running(cause);
    }
    host.timer().shutdownNow();
    carrierWatch.close();
    host.sessions().pulse().close();
    host.evictor().close();
    host.storage().close();
  }

  Collection<LiveObject> objects() {
    return objects.values();
  }

  /** Whether a turn keeps the thread of this name to itself, which is one of the transport's. */
  public boolean isHeld(String thread) {
    return heldTransport.isHeld(thread);
  }
}
