package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.ByteString;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.TailLimits;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import java.time.InstantSource;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Those who follow what happens in a host. While there is nobody, a turn reads one field here. Safe
 * for any number of threads.
 */
public final class Tails {
  private final TailLimits limits;
  private final InstantSource clock;

  /** Written under the lock. */
  private volatile ImmutableList<Tailer> tailers = ImmutableList.of();

  /** Written under the lock. */
  private boolean ended;

  Tails(TailLimits limits, InstantSource clock) {
    this.limits = limits;
    this.clock = clock;
  }

  // ---- who follows

  /**
   * One more, who is told from now on. He has to {@link #close} it.
   *
   * @throws BreakException if there are too many, or the host has shut down
   */
  public synchronized Tailer open(TailFilter filter) throws BreakException {
    if (ended) {
      throw new BreakException(ObjectDirectory.drainCause());
    }
    if (tailers.size() >= limits.maxTailers()) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.OVERLOADED,
              "the host has %d that follow what happens, expected fewer (maxTailers)"
                  .formatted(tailers.size())));
    }
    Tailer tailer = new Tailer(filter, limits);
    tailers = ImmutableList.<Tailer>builder().addAll(tailers).add(tailer).build();
    return tailer;
  }

  /** This one isn't told any more. May be called again. */
  public synchronized void close(Tailer tailer) {
    tailer.end();
    tailers =
        tailers.stream().filter(each -> each != tailer).collect(ImmutableList.toImmutableList());
  }

  /** The host has shut down, and nothing more happens. May be called again. */
  public synchronized void end() {
    ended = true;
    tailers.forEach(Tailer::end);
  }

  /** How many there are. */
  public int size() {
    return tailers.size();
  }

  // ---- what happens

  /** Whether anyone follows. */
  boolean isOn() {
    return !tailers.isEmpty();
  }

  /**
   * A turn has ended.
   *
   * @param method the short name; empty for an alarm
   * @param argument asked for only if anyone wants to see it, as the next
   */
  void turn(
      LiveObject object,
      String method,
      long sequence,
      long queuedNanos,
      long ranNanos,
      @Nullable BreakCause failure,
      Supplier<ByteString> argument,
      Supplier<ByteString> reply) {
    TailEvent whole = null;
    TailEvent bare = null;
    for (Tailer tailer : tailers) {
      TailFilter filter = tailer.filter();
      if (!filter.wantsOf(object) || !filter.wantsTurn(method, failure != null, ranNanos)) {
        continue;
      }
      if (bare == null) {
        bare =
            event(
                object,
                new TailEvent.Turn(
                    method,
                    sequence,
                    Math.max(0, queuedNanos),
                    Math.max(0, ranNanos),
                    failure,
                    ByteString.EMPTY,
                    ByteString.EMPTY));
      }
      if (filter.payloads() && whole == null) {
        whole = bare.withPayloads(argument.get(), reply.get());
      }
      tailer.offer(filter.payloads() && whole != null ? whole : bare);
    }
  }

  /** A client is told that its stub is broken, and not for a turn that failed. */
  void broken(LiveObject object, BreakCause cause) {
    TailEvent event = null;
    for (Tailer tailer : tailers) {
      if (tailer.filter().wantsOf(object) && tailer.filter().wantsBreaks()) {
        event = event == null ? event(object, new TailEvent.Broke(cause)) : event;
        tailer.offer(event);
      }
    }
  }

  /** An instance was let go. */
  void evicted(LiveObject object, EvictionReason reason) {
    TailEvent event = null;
    for (Tailer tailer : tailers) {
      if (tailer.filter().wantsOf(object) && tailer.filter().wantsOthers()) {
        event = event == null ? event(object, new TailEvent.Evicted(reason)) : event;
        tailer.offer(event);
      }
    }
  }

  private TailEvent event(LiveObject object, TailEvent.What what) {
    return new TailEvent(
        clock.instant(), object.namespace().name(), object.name(), object.id(), what);
  }
}
