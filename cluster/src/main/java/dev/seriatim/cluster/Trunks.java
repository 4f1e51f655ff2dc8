package dev.seriatim.cluster;

import com.google.common.io.BaseEncoding;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.storage.Slots.HostRow;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The trunks of this host to the others: a few to each. Safe for any number of threads. */
final class Trunks implements AutoCloseable {
  private final Function<String, ManagedChannel> channels;
  private final int perHost;
  private final Duration patience;

  @GuardedBy("this")
  private final Map<String, Peer> peers = new HashMap<>();

  @GuardedBy("this")
  private boolean closed;

  private static final class Peer {
    private final HostRow row;
    private final @Nullable ManagedChannel[] channels;
    private final @Nullable Trunk[] trunks;

    private Peer(HostRow row, int perHost) {
      this.row = row;
      this.channels = new @Nullable ManagedChannel[perHost];
      this.trunks = new @Nullable Trunk[perHost];
    }
  }

  /**
   * No trunks yet.
   *
   * @param channels opens one to an address
   * @param perHost how many there are to each host, each a connection of its own
   * @param patience for how long one may be silent
   */
  Trunks(Function<String, ManagedChannel> channels, int perHost, Duration patience) {
    this.channels = channels;
    this.perHost = perHost;
    this.patience = patience;
  }

  /** The trunk to a host that the stubs of this slot take; null if it is closed. */
  synchronized @Nullable Trunk to(HostRow row, int slot) {
    if (closed) {
      return null;
    }
    Peer peer = peers.get(row.host());
    if (peer == null) {
      peer = new Peer(row, perHost);
      peers.put(row.host(), peer);
    }
    int index = slot % perHost;
    Trunk trunk = peer.trunks[index];
    if (trunk == null || trunk.isOver()) {
      ManagedChannel channel = peer.channels[index];
      if (channel == null) {
        channel = channels.apply(row.announcement().address());
        peer.channels[index] = channel;
      }
      trunk =
          new Trunk(
              channel,
              row.announcement().address(),
              BaseEncoding.base16().lowerCase().encode(row.announcement().token().toByteArray()),
              patience);
      peer.trunks[index] = trunk;
    }
    return trunk;
  }

  /** Only these hosts are there: whatever leads to others is of no use. */
  void keep(List<HostRow> hosts) {
    Set<String> names = new HashSet<>();
    hosts.forEach(row -> names.add(row.host()));
    List<Peer> gone = new ArrayList<>();
    synchronized (this) {
      peers.values().removeIf(peer -> !names.contains(peer.row.host()) && gone.add(peer));
    }
    gone.forEach(peer -> close(peer, "the host is gone"));
  }

  /**
   * It is time for a beat on each of them: gives up those that nobody answers on, with their
   * connections. From one thread at a time.
   */
  void beat() {
    List<Peer> all;
    synchronized (this) {
      all = List.copyOf(peers.values());
    }
    for (Peer peer : all) {
      for (int index = 0; index < perHost; index++) {
        Trunk trunk;
        synchronized (this) {
          trunk = peer.trunks[index];
        }
        if (trunk != null && !trunk.isOver() && trunk.beat()) {
          giveUp(peer.row.host(), index, trunk);
        }
      }
    }
  }

  /**
   * Gives this trunk up, if it still is the one to that host. The next one gets a connection of its
   * own: nothing comes through this one.
   */
  void giveUp(String host, int index, Trunk trunk) {
    ManagedChannel channel;
    synchronized (this) {
      Peer peer = peers.get(host);
      if (peer == null || peer.trunks[index] != trunk) {
        return; // It has ended by itself, and another one may be there.
      }
      channel = peer.channels[index];
      peer.channels[index] = null;
      peer.trunks[index] = null;
    }
    trunk.giveUp();
    if (channel != null) {
      channel.shutdownNow();
    }
  }

  private static void close(Peer peer, String why) {
    for (Trunk trunk : peer.trunks) {
      if (trunk != null) {
        trunk.close(why);
      }
    }
    for (ManagedChannel channel : peer.channels) {
      if (channel != null) {
        channel.shutdown();
      }
    }
  }

  @Override
  public void close() {
    List<Peer> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(peers.values());
      peers.clear();
    }
    all.forEach(peer -> close(peer, "this host has stopped"));
  }
}
