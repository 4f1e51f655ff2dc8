package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.HostListener;
import dev.seriatim.service.HostListener.BreakEvent;
import dev.seriatim.service.HostListener.EvictionEvent;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.TurnResult;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.UntoldEnd;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Broken;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counts what happens in a host, for each namespace and never for each object, and tells its
 * listener. Safe for any number of threads.
 */
public final class HostCounts {
  private final ImmutableMap<String, NamespaceCounts> namespaces;
  private final Map<BreakReason, LongAdder> refused = Counters.of(BreakReason.class);
  private final Map<EvictionReason, LongAdder> evictions = Counters.of(EvictionReason.class);
  private final LongAdder transportTurns = new LongAdder();
  private final LongAdder otherTurns = new LongAdder();
  private final Tails tails;

  /** Never throws. */
  private volatile HostListener listener = new HostListener() {};

  HostCounts(Namespaces all, Tails tails) {
    this.tails = tails;
    ImmutableMap.Builder<String, NamespaceCounts> counts = ImmutableMap.builder();
    for (Namespace namespace : all.all()) {
      counts.put(namespace.name(), new NamespaceCounts(namespace));
    }
    namespaces = counts.buildOrThrow();
  }

  /**
   * Tells this listener from now on.
   *
   * @param told must not throw
   */
  public void listen(HostListener told) {
    listener = told;
  }

  HostListener listener() {
    return listener;
  }

  /** Those who follow what happens here. */
  public Tails tails() {
    return tails;
  }

  @SuppressWarnings("NullAway") // There is one for each.
  NamespaceCounts of(Namespace namespace) {
    return namespaces.get(namespace.name());
  }

  void ranOn(boolean transport, int turns) {
    (transport ? transportTurns : otherTurns).add(turns);
  }

  void evicted(LiveObject object, EvictionReason reason) {
    of(object.namespace()).instances.decrement();
    Counters.get(evictions, reason).increment();
    listener.evicted(new EvictionEvent(object.namespace().name(), object.id(), reason));
    if (tails.isOn()) {
      tails.evicted(object, reason);
    }
  }

  /**
   * A client of this object is told that its stub is broken.
   *
   * @param byTurn whether for a turn that failed
   */
  void broken(LiveObject object, Broken broken, boolean byTurn) {
    BreakCause cause = BreakCause.of(broken);
    BreakReason reason = cause.reason();
    of(object.namespace()).broken(reason);
    listener.broken(
        new BreakEvent(
            object.namespace().name(), object.id(), reason.name(), broken.getFailedSequence()));
    if (!byTurn && tails.isOn()) {
      tails.broken(object, cause);
    }
  }

  /** The same, by a host that doesn't have the object: which one has it, isn't known. */
  public void broken(ObjectAddress address, BreakCause cause) {
    of(address.namespace()).broken(cause.reason());
    listener.broken(
        new BreakEvent(address.namespace().name(), address.id(), cause.reason().name(), 0));
  }

  /** A client's stub ends without a word on what ran: the host that has this object is lost. */
  public void ownerLost(ObjectAddress address) {
    lost(address.namespace(), address.id(), UntoldEnd.OWNER_LOST);
  }

  /** A client's stub on this object ends without a word on what ran. */
  void lost(LiveObject object, UntoldEnd end) {
    lost(object.namespace(), object.id(), end);
  }

  private void lost(Namespace namespace, DurableObjectId object, UntoldEnd end) {
    of(namespace).lost(end);
    listener.broken(new BreakEvent(namespace.name(), object, end.name(), /* sequence= */ 0));
  }

  /**
   * A client is told that its stub is broken before there is an object for it.
   *
   * @param namespace null if it isn't known
   */
  public void refused(@Nullable Namespace namespace, BreakCause cause) {
    if (namespace == null) {
      Counters.get(refused, cause.reason()).increment();
    } else {
      of(namespace).broken(cause.reason());
    }
  }

  /** How a turn has ended whose stub breaks for this reason. */
  static TurnResult result(BreakReason reason) {
    return switch (reason) {
      case OBJECT_EXCEPTION, OBJECT_START_FAILED -> TurnResult.THREW;
      case INVOCATION_TIMED_OUT -> TurnResult.TIMED_OUT;
      case OBJECT_RESET, OBJECT_MOVED, HOST_DRAINING, OWNER_UNAVAILABLE -> TurnResult.RESET;
      default -> TurnResult.REFUSED;
    };
  }

  /**
   * What was counted for each namespace.
   *
   * @param active the objects that may have a turn that runs
   * @param alarms how many alarms there are in which namespace; null if that isn't known
   */
  ImmutableList<OfNamespace> read(Iterable<LiveObject> active, @Nullable Map<String, Long> alarms) {
    Map<String, Long> running = new HashMap<>();
    for (LiveObject object : active) {
      if (object.turn() != null) {
        running.merge(object.namespace().name(), 1L, Long::sum);
      }
    }
    ImmutableList.Builder<OfNamespace> read = ImmutableList.builder();
    namespaces.forEach(
        (name, counts) ->
            read.add(
                counts.read(
                    running.getOrDefault(name, 0L),
                    alarms == null
                        ? OptionalLong.empty()
                        : OptionalLong.of(alarms.getOrDefault(name, 0L)))));
    return read.build();
  }

  /** How many stubs were refused of which nobody knows the namespace, for each reason. */
  public ImmutableMap<String, Long> refused() {
    return Counters.readNames(refused);
  }

  /** How many instances were let go, for each reason. */
  public ImmutableMap<EvictionReason, Long> evictions() {
    return Counters.read(evictions);
  }

  /** How many turns ran on a thread of the transport. */
  public long transportTurns() {
    return transportTurns.sum();
  }

  /** How many turns ran elsewhere. */
  public long otherTurns() {
    return otherTurns.sum();
  }
}
