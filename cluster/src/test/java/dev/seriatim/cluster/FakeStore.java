package dev.seriatim.cluster;

import com.google.common.collect.ImmutableSet;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.storage.Slots;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What PostgreSQL is to several hosts, in the memory of one process. */
final class FakeStore implements AutoCloseable {
  private static final Slots.Announcement NOTHING =
      new Slots.Announcement("", "", "", List.of(), /* leaving= */ false, ByteString.EMPTY);

  private final ReentrantLock alone = new ReentrantLock();
  private final ExecutorService listening =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().name("fake-store").daemon().factory());

  @GuardedBy("this")
  private final Map<String, FakeSlots> hosts = new HashMap<>();

  @GuardedBy("this")
  private final Map<String, Slots.HostRow> rows = new TreeMap<>();

  @GuardedBy("this")
  private final Map<Integer, String> owners = new HashMap<>();

  @GuardedBy("this")
  private final Map<String, String> leases = new HashMap<>();

  /** How many claims and gives there were. */
  @GuardedBy("this")
  private int transactions;

  /** A host that has a row. */
  synchronized FakeSlots join(String host) {
    FakeSlots slots = new FakeSlots(host);
    hosts.put(host, slots);
    rows.put(host, new Slots.HostRow(host, NOTHING, /* live= */ true));
    tellRows();
    return slots;
  }

  /** The slots that each host has, by the store. */
  synchronized Map<String, Set<Integer>> owned() {
    Map<String, Set<Integer>> owned = new LinkedHashMap<>();
    owners.forEach((slot, host) -> owned.computeIfAbsent(host, any -> new TreeSet<>()).add(slot));
    return owned;
  }

  /** The host that has this lease; null if none has it. */
  synchronized @Nullable String lease(String name) {
    return leases.get(name);
  }

  synchronized int transactions() {
    return transactions;
  }

  /** The host is dead: it gets nothing more from the store, and still has its row. */
  synchronized void kill(String host) {
    slots(host).dead = true;
  }

  /** Nobody has heard of this host for its lease. If it lives, it has a row again at once. */
  synchronized void bury(String host) {
    Set<Integer> lost = new HashSet<>(owned().getOrDefault(host, Set.of()));
    owners.values().removeIf(host::equals);
    leases.values().removeIf(host::equals);
    Slots.HostRow row = rows.remove(host);
    tellRows();
    FakeSlots slots = slots(host);
    if (!slots.dead && row != null) {
      tell(slots, listener -> listener.lost(lost));
      rows.put(host, row);
      tellRows();
    }
  }

  @GuardedBy("this")
  private FakeSlots slots(String host) {
    FakeSlots slots = hosts.get(host);
    if (slots == null) {
      throw new IllegalArgumentException("host " + host + ", expected one of " + hosts.keySet());
    }
    return slots;
  }

  @GuardedBy("this")
  private void tellRows() {
    List<Slots.HostRow> all = List.copyOf(rows.values());
    for (FakeSlots slots : hosts.values()) {
      if (!slots.dead) {
        tell(slots, listener -> listener.hostsChanged(all));
      }
    }
  }

  private interface Word {
    void say(Slots.Listener listener);
  }

  @GuardedBy("this")
  private void tell(FakeSlots slots, Word word) {
    List<Slots.Listener> listeners = List.copyOf(slots.listeners);
    listening.execute(() -> listeners.forEach(word::say));
  }

  /** Waits until every host has been told of what there is by now. */
  void awaitTold() {
    try {
      listening.submit(() -> {}).get(60, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError("never came: the end of what hosts are told", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  @Override
  public void close() {
    listening.shutdownNow();
  }

  /** The store, as one host sees it. */
  final class FakeSlots implements Slots {
    private final String host;
    private final List<Listener> listeners = new ArrayList<>();
    private volatile boolean away;
    private boolean dead;

    private FakeSlots(String host) {
      this.host = host;
    }

    /** Whether this host can't reach the store. */
    void away(boolean isAway) {
      away = isAway;
    }

    private void reach() {
      if (dead || away) {
        throw new StorageException("host " + host + " can't reach the store");
      }
    }

    @Override
    public String host() {
      return host;
    }

    @Override
    public void announce(Announcement announcement) {
      synchronized (FakeStore.this) {
        reach();
        rows.put(host, new HostRow(host, announcement, /* live= */ true));
        tellRows();
      }
    }

    @Override
    public List<HostRow> hosts() {
      synchronized (FakeStore.this) {
        return List.copyOf(rows.values());
      }
    }

    @Override
    public ImmutableSet<Integer> claim(Set<Integer> slots) {
      synchronized (FakeStore.this) {
        reach();
        transactions++;
        ImmutableSet.Builder<Integer> claimed = ImmutableSet.builder();
        for (int slot : slots) {
          @Nullable String owner = owners.putIfAbsent(slot, host);
          if (owner == null || owner.equals(host)) {
            claimed.add(slot);
          }
        }
        return claimed.build();
      }
    }

    @Override
    public void give(Set<Integer> slots) {
      synchronized (FakeStore.this) {
        reach();
        transactions++;
        slots.forEach(slot -> owners.remove(slot, host));
      }
    }

    @Override
    public boolean has(int slot) {
      synchronized (FakeStore.this) {
        return host.equals(owners.get(slot));
      }
    }

    @Override
    public boolean isCertain() {
      synchronized (FakeStore.this) {
        return !dead && !away && rows.containsKey(host);
      }
    }

    @Override
    public void listen(Listener listener) {
      synchronized (FakeStore.this) {
        listeners.add(listener);
      }
    }

    @Override
    public boolean acquireLease(String name, Duration time) {
      synchronized (FakeStore.this) {
        reach();
        return rows.containsKey(host) && host.equals(leases.computeIfAbsent(name, any -> host));
      }
    }

    @Override
    public void releaseLease(String name) {
      synchronized (FakeStore.this) {
        reach();
        leases.remove(name, host);
      }
    }

    @Override
    public <T> T alone(Supplier<T> action) {
      synchronized (FakeStore.this) {
        reach();
      }
      alone.lock();
      try {
        return action.get();
      } finally {
        alone.unlock();
      }
    }
  }
}
