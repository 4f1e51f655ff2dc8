package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.cluster.SlotKeeper.Keepers;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.service.threads.Enduring;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that this host is in the cluster of its store: finds the others by their rows, founds
 * the cluster if there is none, and when its {@link Life} there ends, begins another. On a thread
 * of its own, which also is the one that asks the store.
 */
final class Membership implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(Membership.class);

  /** How long one attempt to join may last, until the rows are looked at anew. */
  static final Duration JOIN = Duration.ofSeconds(5);

  /** How long a host that founds a cluster waits to be up in it, and to see its own row. */
  static final Duration FOUND = Duration.ofSeconds(10);

  /** How often is looked at rows while this host waits. */
  private static final Duration LOOK = Duration.ofMillis(250);

  /** How long it takes until the store is asked again that couldn't be reached. */
  private static final Duration STORE = Duration.ofMillis(500);

  /** How long it takes until another life begins, and how long that gets. */
  static final Duration FIRST_BACKOFF = Duration.ofMillis(250);

  static final Duration LAST_BACKOFF = Duration.ofSeconds(5);

  /** How long an actor system may take to end that was told to. */
  private static final Duration END = Duration.ofSeconds(20);

  private final MembershipOptions options;
  private final Keepers keepers;
  private final Thread thread;
  private final CompletableFuture<Void> up = new CompletableFuture<>();

  /** Whether no other life begins. */
  @GuardedBy("this")
  private boolean closed;

  private volatile @Nullable Life life;
  private volatile boolean leaving;

  /** Owned by the thread. */
  private Duration backoff = FIRST_BACKOFF;

  Membership(MembershipOptions options, Keepers keepers) {
    this.options = options;
    this.keepers = keepers;
    this.thread = Enduring.thread("seriatim-membership", this::run);
  }

  /** Is completed when this host is up in the cluster for the first time. */
  CompletionStage<Void> start() {
    thread.start();
    return up;
  }

  boolean isUp() {
    Life current = life;
    return current != null && current.isUp();
  }

  /** The store has these rows now. */
  synchronized void rowsChanged(List<HostRow> rows) {
    notifyAll();
    Life current = life;
    if (current != null) {
      current.rows(rows);
    }
  }

  /**
   * Hands all slots over and leaves the cluster. Blocks.
   *
   * @return whether that came to its end within the limit
   */
  boolean leave() throws InterruptedException {
    leaving = true;
    Life current = stopLiving();
    if (current == null) {
      return true;
    }
    announce(current.isUp() ? current.address() : "");
    current.leave();
    boolean inOrder = await(current.ended(), options.leaveLimit().plus(END));
    LOGGER.info(
        inOrder ? "this host has left the cluster" : "this host left the cluster in a hurry");
    return inOrder;
  }

  @Override
  public void close() {
    Life current = stopLiving();
    if (current != null) {
      current.abort();
    }
    thread.interrupt();
  }

  private synchronized @Nullable Life stopLiving() {
    closed = true;
    notifyAll();
    return life;
  }

  private void run() {
    try {
      while (liveOrFail()) {
        LOGGER.info("another membership begins in {} ms", backoff.toMillis());
        pause(backoff);
        backoff = min(backoff.multipliedBy(2), LAST_BACKOFF);
      }
    } catch (InterruptedException e) {
      // It is closed.
    }
  }

  /** As {@link #live}. What is thrown ends the host if it wasn't up yet, and otherwise one life. */
  private boolean liveOrFail() throws InterruptedException {
    try {
      return live();
    } catch (RuntimeException | Error e) {
      if (up.completeExceptionally(e)) {
        LOGGER.warn("this host can't be in a cluster", e);
        return false;
      }
      Enduring.log("the membership", e);
      return !isClosed();
    }
  }

  private static Duration min(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /** Lives once, and returns when that is over: whether there is to be another time. */
  private boolean live() throws InterruptedException {
    String refusal =
        SameNamespaces.refusal(options.announcement().get().namespaces(), keepers.slots().hosts());
    if (refusal != null) {
      throw new IllegalStateException(refusal);
    }
    Life begun;
    try {
      begun = Life.begin(options, keepers);
    } catch (RuntimeException e) {
      LOGGER.warn(
          "the membership can't listen on {}:{}: tried again", options.host(), options.port(), e);
      return !isClosed();
    }
    if (!isGoingToLive(begun)) {
      begun.abort();
      return false;
    }
    begun.rows(keepers.slots().hosts());
    try {
      if (join(begun)) {
        backoff = FIRST_BACKOFF;
        announceUntilItIsSaid(begun);
        LOGGER.info("this host has joined the cluster, at {}", begun.address());
        up.complete(null);
        await(begun.ended(), Duration.ofDays(10_000));
        if (!isClosed()) {
          LOGGER.warn("this host was downed, and joins anew");
        }
      }
    } finally {
      life = null;
      begun.abort();
    }
    if (!await(begun.ended(), END)) {
      LOGGER.warn("an actor system didn't end within {} s", END.toSeconds());
    }
    if (isClosed()) {
      return false;
    }
    // What others find there isn't in a cluster any more.
    announce("");
    return true;
  }

  private synchronized boolean isGoingToLive(Life begun) {
    if (!closed) {
      life = begun;
    }
    return !closed;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private synchronized void pause(Duration time) throws InterruptedException {
    if (!closed) {
      TimeUnit.NANOSECONDS.timedWait(this, time.toNanos());
    }
  }

  /** Joins the cluster of the others, or founds one. Returns false if the life is over before. */
  private boolean join(Life begun) throws InterruptedException {
    while (!isClosed() && !begun.ended().toCompletableFuture().isDone()) {
      List<String> seeds = seeds(begun);
      if (seeds.isEmpty()) {
        foundIfThereIsNone(begun);
      } else {
        begun.join(seeds);
        long start = System.nanoTime();
        while (System.nanoTime() - start < JOIN.toNanos()
            && !begun.awaitUp(LOOK)
            && seeds(begun).equals(seeds)) {}
      }
      if (begun.awaitUp(Duration.ZERO)) {
        return true;
      }
    }
    return false;
  }

  /** Where those are who are in the cluster, or were a moment ago. */
  private List<String> seeds(Life begun) {
    return keepers.slots().hosts().stream()
        .filter(row -> row.live() && !row.host().equals(keepers.slots().host()))
        .map(row -> row.announcement().clusterAddress())
        .filter(address -> !address.isEmpty() && !address.equals(begun.address()))
        .toList();
  }

  private void foundIfThereIsNone(Life begun) throws InterruptedException {
    boolean interrupted;
    try {
      interrupted = keepers.slots().alone(() -> foundAlone(begun));
    } catch (StorageException e) {
      LOGGER.warn("no cluster can be founded while the store can't be reached: {}", e.getMessage());
      pause(STORE);
      return;
    }
    if (interrupted) {
      throw new InterruptedException();
    }
  }

  /**
   * No other host does this at the same time. Whoever did it before has its address in the rows,
   * but those that are known here may be older than that: so this host writes its own, and waits
   * until it reads it.
   *
   * @return whether it was interrupted
   */
  private boolean foundAlone(Life begun) {
    try {
      keepers.slots().announce(announcement(begun.address()));
      long start = System.nanoTime();
      while (!isInRows(begun.address()) && System.nanoTime() - start < FOUND.toNanos()) {
        pause(LOOK);
      }
      if (seeds(begun).isEmpty() && isInRows(begun.address())) {
        LOGGER.info("no host is in a cluster yet: this one founds it");
        begun.found();
        boolean _ = begun.awaitUp(FOUND);
      } else {
        keepers.slots().announce(announcement(""));
      }
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  private boolean isInRows(String address) {
    return keepers.slots().hosts().stream()
        .anyMatch(
            row ->
                row.host().equals(keepers.slots().host())
                    && row.announcement().clusterAddress().equals(address));
  }

  private void announceUntilItIsSaid(Life begun) throws InterruptedException {
    while (!isClosed() && !begun.ended().toCompletableFuture().isDone()) {
      if (announce(begun.address())) {
        return;
      }
      pause(STORE);
    }
  }

  private boolean announce(String clusterAddress) {
    try {
      keepers.slots().announce(announcement(clusterAddress));
      return true;
    } catch (StorageException e) {
      LOGGER.warn("the store was not told of this host: {}", e.getMessage());
      return false;
    }
  }

  private Announcement announcement(String clusterAddress) {
    Announcement said = options.announcement().get();
    return new Announcement(
        said.address(), clusterAddress, said.version(), said.namespaces(), leaving, said.token());
  }

  private static boolean await(CompletionStage<?> stage, Duration limit)
      throws InterruptedException {
    try {
      stage.toCompletableFuture().get(limit.toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (ExecutionException e) {
      return true;
    } catch (TimeoutException e) {
      return false;
    }
  }
}
