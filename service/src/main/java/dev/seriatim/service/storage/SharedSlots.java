package dev.seriatim.service.storage;

import com.google.common.collect.ImmutableSet;
import dev.seriatim.service.StorageException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** The slots of a PostgreSQL, for the cluster of this host. Asks the thread of the lease. */
final class SharedSlots implements Slots {
  /** Any number, so long as all hosts take the same; with it goes that of the schema. */
  private static final int ALONE = 0x5e71a72;

  /** How often a host looks whether it is alone. */
  private static final Duration LOOK_AGAIN = Duration.ofMillis(100);

  private final String host;
  private final HostLease lease;
  private final SharedClaims claims;
  private final Ownership ownership;
  private final PostgresSessions sessions;

  SharedSlots(String host, HostLease lease, Ownership ownership, PostgresSessions sessions) {
    this.host = host;
    this.lease = lease;
    this.claims = lease.shared();
    this.ownership = ownership;
    this.sessions = sessions;
  }

  @Override
  public String host() {
    return host;
  }

  @Override
  public void announce(Announcement announcement) {
    claims.announce(announcement);
    if (!look()) {
      throw new StorageException("this host has just connected to the store again, and says it");
    }
  }

  @Override
  public List<HostRow> hosts() {
    return claims.news().hosts();
  }

  @Override
  public ImmutableSet<Integer> claim(Set<Integer> slots) {
    CompletableFuture<Set<Integer>> answer = new CompletableFuture<>();
    return ImmutableSet.copyOf(
        claims.requests().ask(lease, new SlotRequests.Claim(check(slots), answer), answer));
  }

  @Override
  public void give(Set<Integer> slots) {
    CompletableFuture<Boolean> answer = new CompletableFuture<>();
    boolean _ = claims.requests().ask(lease, new SlotRequests.Give(check(slots), answer), answer);
  }

  private static Set<Integer> check(Set<Integer> slots) {
    for (int slot : slots) {
      if (slot < 0 || slot >= COUNT) {
        throw new IllegalArgumentException("slot " + slot + ", expected 0 to " + (COUNT - 1));
      }
    }
    return Set.copyOf(slots);
  }

  @Override
  public boolean has(int slot) {
    return ownership.tenure(slot) != null;
  }

  @Override
  public boolean isCertain() {
    return ownership.isCertain();
  }

  @Override
  public void listen(Listener listener) {
    claims.news().listen(listener);
  }

  @Override
  public boolean acquireLease(String name, Duration time) {
    return act(connection -> claims.cluster().acquire(connection, name, time));
  }

  @Override
  public void releaseLease(String name) {
    boolean _ =
        act(
            connection -> {
              claims.cluster().release(connection, name);
              return true;
            });
  }

  /**
   * Says what isn't said yet, and looks what others have said.
   *
   * @return whether all is said
   */
  private boolean look() {
    return act(
        _ -> {
          lease.look();
          return claims.hasSaid();
        });
  }

  private <T> T act(SlotRequests.Action<T> action) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    return claims.requests().ask(lease, new SlotRequests.Act<>(action, answer), answer);
  }

  @Override
  public <T> T alone(Supplier<T> action) {
    Connection connection = lock();
    try {
      // What the one before has said is known here before anything is decided.
      boolean _ = look();
      return action.get();
    } finally {
      JdbcStore.closeQuietly(connection); // And the lock with it.
    }
  }

  private Connection lock() {
    try {
      Connection connection = sessions.open(PostgresSessions.Purpose.ALONE);
      boolean locked = false;
      try {
        connection.setAutoCommit(true);
        String lock =
            "SELECT pg_try_advisory_lock(" + ALONE + ", hashtext(current_schema()::text))";
        while (!PostgresStore.single(connection, lock).equals("t")) {
          Thread.sleep(LOOK_AGAIN);
        }
        locked = true;
        return connection;
      } finally {
        if (!locked) {
          JdbcStore.closeQuietly(connection);
        }
      }
    } catch (SQLException e) {
      throw new StorageException("this host can't be alone: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException("interrupted while waiting to be alone", e);
    }
  }
}
