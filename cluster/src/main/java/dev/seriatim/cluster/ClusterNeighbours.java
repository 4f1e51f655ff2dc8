package dev.seriatim.cluster;

import static java.util.Comparator.comparing;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import com.google.common.collect.ImmutableList;
import com.google.common.io.BaseEncoding;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.connect.PeerService;
import dev.seriatim.service.placement.Neighbours;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The other hosts by their rows and the routes to them, each with a channel of its own that is made
 * when it is needed first. Safe for any number of threads.
 */
final class ClusterNeighbours implements Neighbours, AutoCloseable {
  /** How often is looked whether the object has come here, which no route tells. */
  private static final Duration LOOK = Duration.ofMillis(50);

  private final Slots slots;
  private final Routes routes;
  private final Function<String, ManagedChannel> channels;
  private final Duration patience;

  /** Where the others reach this host; empty as long as it doesn't listen. */
  private volatile String self = "";

  @GuardedBy("this")
  private final Map<String, Open> open = new HashMap<>();

  @GuardedBy("this")
  private boolean closed;

  /** Told whenever a route has changed. */
  private final Object routed = new Object();

  private record Open(ManagedChannel channel, Neighbour neighbour) {}

  /**
   * No channels yet.
   *
   * @param channels opens one to an address
   * @param patience how long is waited while no host is known to have an object
   */
  ClusterNeighbours(
      Slots slots, Routes routes, Function<String, ManagedChannel> channels, Duration patience) {
    this.slots = slots;
    this.routes = routes;
    this.channels = channels;
    this.patience = patience;
    routes.listen(_ -> changed());
  }

  private void changed() {
    synchronized (routed) {
      routed.notifyAll();
    }
  }

  /** This host is reached there. */
  void isAt(String address) {
    self = address;
  }

  @Override
  public String self() {
    return self;
  }

  @Override
  public Duration patience() {
    return patience;
  }

  // ---- the hosts

  @Override
  public List<Neighbour> all() {
    return slots.hosts().stream()
        .filter(row -> !row.host().equals(slots.host()))
        .filter(row -> !row.announcement().address().isEmpty()) // It hasn't begun yet.
        .map(this::neighbour)
        .sorted(comparing(Neighbour::address))
        .collect(ImmutableList.toImmutableList());
  }

  private synchronized Neighbour neighbour(HostRow row) {
    Open known = open.get(row.host());
    if (known == null) {
      ManagedChannel channel = channels.apply(row.announcement().address());
      Metadata headers = new Metadata();
      headers.put(
          PeerService.TOKEN,
          BaseEncoding.base16().lowerCase().encode(row.announcement().token().toByteArray()));
      known =
          new Open(
              channel,
              new Neighbour(
                  row.announcement().address(),
                  ClientInterceptors.intercept(
                      channel, MetadataUtils.newAttachHeadersInterceptor(headers))));
      if (closed) {
        channel.shutdownNow(); // Its calls say so.
      } else {
        open.put(row.host(), known);
      }
    }
    return known.neighbour();
  }

  /** Only these hosts are there. Calls to others end by themselves. */
  void keep(List<HostRow> hosts) {
    Set<String> names = new HashSet<>();
    hosts.forEach(row -> names.add(row.host()));
    List<ManagedChannel> gone = new ArrayList<>();
    synchronized (this) {
      open.entrySet()
          .removeIf(
              entry -> !names.contains(entry.getKey()) && gone.add(entry.getValue().channel()));
    }
    // With no lock held: the calling thread may have to tell calls that they have ended.
    gone.forEach(ManagedChannel::shutdown);
  }

  // ---- the objects

  @Override
  public boolean has(DurableObjectId id) {
    return slots.has(Slots.of(id));
  }

  @Override
  public @Nullable Neighbour known(DurableObjectId id) {
    HostRow host = has(id) ? null : routes.host(Slots.of(id));
    return host == null || host.host().equals(slots.host()) ? null : neighbour(host);
  }

  @Override
  public @Nullable Neighbour owner(DurableObjectId id) throws BreakException, InterruptedException {
    int slot = Slots.of(id);
    long end = System.nanoTime() + patience.toNanos();
    while (!has(id)) {
      Neighbour known = known(id);
      if (known != null) {
        return known;
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.OWNER_UNAVAILABLE,
                "no host was found that has the object, within %s".formatted(patience)));
      }
      routes.ask(slot);
      synchronized (routed) { // What is told before is seen after the next look.
        NANOSECONDS.timedWait(routed, Math.min(left, LOOK.toNanos()));
      }
    }
    return null;
  }

  @Override
  public void isNotAt(DurableObjectId id, Neighbour neighbour) {
    HostRow host = routes.host(Slots.of(id));
    if (host != null && host.announcement().address().equals(neighbour.address())) {
      routes.wrong(Slots.of(id), host);
    }
  }

  @Override
  public void close() {
    List<Open> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(open.values());
      open.clear();
    }
    all.forEach(each -> each.channel().shutdownNow()); // With no lock held, as in keep.
  }
}
