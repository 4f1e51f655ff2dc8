package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.v1.Route;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where a client's stubs are opened that follow what hosts say: what is known of that, which the
 * {@link RouteTable} decides, and the channels it takes. Safe for any number of threads, also under
 * a session's lock: it calls nobody.
 */
final class Routes {
  private final Function<String, ManagedChannel> maker;

  @GuardedBy("this")
  private final RouteTable table;

  /** By address: those that a hint or a stub needs. */
  @GuardedBy("this")
  private final Map<String, RouteChannel> channels = new HashMap<>();

  @GuardedBy("this")
  private boolean closed;

  /**
   * No routes yet.
   *
   * @param maker makes the channel to an address
   */
  Routes(Function<String, ManagedChannel> maker, int limit) {
    this.maker = maker;
    this.table = new RouteTable(limit);
  }

  /**
   * Where to open a stub, which then counts as open there until it has {@link #ended}; null if that
   * is where it would be opened without routes.
   */
  synchronized @Nullable RouteChannel open(String path, @Nullable String id) {
    if (closed) {
      return null;
    }
    String address = table.open(path, id);
    return address == null
        ? null
        : channels.computeIfAbsent(address, key -> new RouteChannel(key, maker));
  }

  /** A stub was opened on this object, and its host says that the object is elsewhere. */
  void learn(@Nullable String path, String id, Route route) {
    List<RouteChannel> unused;
    synchronized (this) {
      if (closed) {
        return;
      }
      table.learn(path, id, route.getAddress(), route.getPrefixBits());
      unused = takeUnused();
    }
    unused.forEach(channel -> channel.shutdown(/* now= */ false));
  }

  /** A stub was opened on this object without a route, and the object is there. */
  void forget(String id) {
    List<RouteChannel> unused;
    synchronized (this) {
      table.forget(id);
      unused = takeUnused();
    }
    unused.forEach(channel -> channel.shutdown(/* now= */ false));
  }

  /** A stub that was opened here has failed in a way that speaks against the route. */
  synchronized void distrust(RouteChannel channel) {
    table.forgetAddress(channel.authority()); // The stub still needs the channel.
  }

  /** A stub that was opened here is over. */
  void ended(RouteChannel channel) {
    List<RouteChannel> unused;
    synchronized (this) {
      table.ended(channel.authority());
      unused = takeUnused();
    }
    unused.forEach(one -> one.shutdown(/* now= */ false));
  }

  /**
   * Opens nothing any more.
   *
   * @param now whether stubs that are open break; otherwise they go on
   */
  void close(boolean now) {
    List<RouteChannel> left;
    synchronized (this) {
      closed = true;
      left = List.copyOf(channels.values());
    }
    left.forEach(channel -> channel.shutdown(now));
  }

  /** How many lanes are on shared calls. */
  int attached() {
    List<RouteChannel> all;
    synchronized (this) {
      all = List.copyOf(channels.values());
    }
    return all.stream().mapToInt(RouteChannel::attached).sum();
  }

  @GuardedBy("this")
  private List<RouteChannel> takeUnused() {
    List<RouteChannel> unused = new ArrayList<>(0);
    for (String address : table.takeUnused()) {
      RouteChannel channel = channels.remove(address);
      if (channel != null) {
        unused.add(channel);
      }
    }
    return unused;
  }
}
