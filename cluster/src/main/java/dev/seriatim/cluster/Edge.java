package dev.seriatim.cluster;

import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.service.threads.Enduring;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.Route;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The edge of this host: the stubs that came in here, wherever their objects are. Safe for any
 * number of threads.
 */
final class Edge implements RelayHost, AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(Edge.class);

  /** How often is looked at stubs that wait, or may lead astray. */
  private static final Duration LOOK = Duration.ofMillis(50);

  private static final Duration DRAIN_LOOK = Duration.ofMillis(5);

  /** How many of an id's first bits say the slot. */
  private static final int SLOT_BITS = 10;

  private final Slots slots;
  private final ObjectDirectory directory;
  private final Routes routes;
  private final Trunks trunks;
  private final QueueBudget kept;
  private final Supplier<Map<String, DescribeNamespaceResponse>> elsewhere;
  private final Duration patience;
  private final Duration lostPatience;
  private final LongSupplier nanos;

  /** Those that are open, by their slots. */
  private final AtomicReferenceArray<@Nullable Set<Relay>> relays =
      new AtomicReferenceArray<>(Slots.COUNT);

  /** Whether no client opens a stub here any more. */
  private volatile boolean leaving;

  private final Set<Relay> waiting = ConcurrentHashMap.newKeySet();

  /** Those whose way may not lead to their object any more. */
  private final Set<Relay> suspects = ConcurrentHashMap.newKeySet();

  private final ScheduledExecutorService looks =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("seriatim-edge").factory());

  /**
   * An edge with no stubs.
   *
   * @param kept counts what is kept for stubs until it is answered
   * @param elsewhere what other hosts serve, where their words count
   * @param patience how long a stub waits while no host has its object
   * @param lostPatience how long what an owner has said may be on its way, after it has lost the
   *     object
   */
  Edge(
      Slots slots,
      ObjectDirectory directory,
      Routes routes,
      Trunks trunks,
      QueueBudget kept,
      Supplier<Map<String, DescribeNamespaceResponse>> elsewhere,
      Duration patience,
      Duration lostPatience,
      LongSupplier nanos) {
    this.slots = slots;
    this.directory = directory;
    this.routes = routes;
    this.trunks = trunks;
    this.kept = kept;
    this.elsewhere = elsewhere;
    this.patience = patience;
    this.lostPatience = lostPatience;
    this.nanos = nanos;
    routes.listen(this::changed);
    var _ =
        looks.scheduleWithFixedDelay(
            Enduring.task("what looks at relays", this::look),
            LOOK.toMillis(),
            LOOK.toMillis(),
            TimeUnit.MILLISECONDS);
    var _ =
        looks.scheduleWithFixedDelay(
            Enduring.task("what beats on trunks", trunks::beat),
            Trunk.BEAT.toMillis(),
            Trunk.BEAT.toMillis(),
            TimeUnit.MILLISECONDS);
  }

  /** The placement for stubs of the host's clients. */
  Placement forClients() {
    return new Placed(/* objects= */ false);
  }

  /** The placement for stubs of the host's objects. */
  Placement forObjects() {
    return new Placed(/* objects= */ true);
  }

  private final class Placed implements Placement {
    private final boolean objects;

    private Placed(boolean objects) {
      this.objects = objects;
    }

    @Override
    public @Nullable BreakCause refusal() {
      return !objects && (leaving || directory.isDraining()) ? ObjectDirectory.drainCause() : null;
    }

    @Override
    public SessionInput open(
        ObjectAddress address, Attachment attachment, @Nullable SessionOpen session) {
      Relay relay = new Relay(address, attachment, objects, session, Edge.this);
      relay.begin();
      return relay.input();
    }

    @Override
    public boolean isNear(DurableObjectId id) {
      return slots.has(Slots.of(id));
    }

    @Override
    public Map<String, DescribeNamespaceResponse> elsewhere() {
      return elsewhere.get();
    }

    @Override
    public @Nullable Route route(DurableObjectId id) {
      HostRow host = routes.host(Slots.of(id));
      return host == null || host.host().equals(slots.host())
          ? null
          : Route.newBuilder()
              .setAddress(host.announcement().address())
              .setPrefixBits(SLOT_BITS)
              .build();
    }

    @Override
    public boolean beginRound() {
      boolean here = directory.beginRound();
      boolean there = Trunk.beginRound();
      return here || there;
    }

    @Override
    public void endRound() {
      try {
        directory.endRound();
      } finally {
        Trunk.endRound();
      }
    }
  }

  // ---- relays

  @Override
  public long nanos() {
    return nanos.getAsLong();
  }

  @Override
  public @Nullable String takeRoom(int count, long room) {
    int wanted = Math.max(1, count);
    int fit = kept.take(wanted, room);
    if (fit > 0 && fit < wanted) {
      kept.release(fit, room);
    }
    return fit == wanted ? null : kept.refusal();
  }

  @Override
  public void giveRoom(int count, long room) {
    kept.release(count, room);
  }

  @Override
  public Duration patience() {
    return patience;
  }

  @Override
  public Duration lostPatience() {
    return lostPatience;
  }

  @Override
  public void began(Relay relay) {
    Set<Relay> known = relays.get(relay.slot());
    if (known == null) {
      known = ConcurrentHashMap.newKeySet();
      Set<Relay> other = relays.compareAndExchange(relay.slot(), null, known);
      known = other == null ? known : other;
    }
    known.add(relay);
    waiting.add(relay);
  }

  @Override
  public void found(Relay relay) {
    waiting.remove(relay);
    suspects.remove(relay);
  }

  @Override
  public void waits(Relay relay) {
    waiting.add(relay);
    routes.ask(relay.slot());
  }

  @Override
  public void broke(Relay relay, List<StubFrame> undelivered, Duration waited, BreakCause cause) {
    directory.brokenElsewhere(relay.address(), undelivered, waited, cause);
  }

  @Override
  public void lost(Relay relay) {
    directory.counts().ownerLost(relay.address());
  }

  @Override
  public void ended(Relay relay) {
    Set<Relay> known = relays.get(relay.slot());
    if (known != null) {
      known.remove(relay);
    }
    waiting.remove(relay);
    suspects.remove(relay);
  }

  @Override
  public @Nullable Way way(Relay relay, boolean onClientsThread) {
    int slot = relay.slot();
    if (slots.has(slot)) {
      return directory.moves().letsIn(relay.address().id(), relay.isFromObject())
          ? new LocalWay(relay, directory, slots, onClientsThread)
          : null;
    }
    HostRow host = routes.host(slot);
    if (host == null || host.host().equals(slots.host())) {
      routes.ask(slot);
      return null;
    }
    Trunk trunk = trunks.to(host, slot);
    return trunk == null ? null : new TrunkWay(relay, routes, host, trunk);
  }

  /** Another host has this slot, or none. */
  void changed(int slot) {
    later(
        () -> {
          Set<Relay> known = relays.get(slot);
          if (known != null) {
            suspects.addAll(known);
            look(known);
          }
        });
  }

  /** Does this on the edge's thread. What is closed needs nothing any more. */
  private void later(Runnable look) {
    try {
      looks.execute(look);
    } catch (RejectedExecutionException e) {
      logger.debug("the edge is closed", e);
    }
  }

  private void look() {
    look(waiting);
    look(suspects);
  }

  private void look(Set<Relay> some) {
    long now = nanos();
    for (Relay relay : some) {
      try {
        if (!relay.look(now)) {
          suspects.remove(relay);
        }
      } catch (RuntimeException | Error e) { // The others must be looked at.
        relay.address().on(logger.atError()).setCause(e).log("could not look at a stub");
      }
    }
  }

  /** The host is about to shut down: no client opens a stub here from now on. */
  void leave() {
    leaving = true;
  }

  /**
   * The host shuts down: stubs that lead to other hosts come to their end behind what was sent, and
   * are told. Blocks until they have been, and no longer than so. Those on objects that are here
   * are their directory's to tell.
   */
  void drain(Duration limit) throws InterruptedException {
    long end = nanos() + limit.toNanos();
    while (true) {
      int open = 0;
      for (int slot = 0; slot < Slots.COUNT; slot++) {
        Set<Relay> known = relays.get(slot);
        if (known != null) {
          for (Relay relay : known) {
            open += relay.drain() ? 1 : 0;
          }
        }
      }
      if (open == 0 || nanos() - end >= 0) {
        return;
      }
      Thread.sleep(DRAIN_LOOK);
    }
  }

  @Override
  public void close() {
    looks.shutdownNow();
    trunks.close();
  }
}
