package dev.seriatim.cluster;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.storage.Slots;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.coordination.lease.LeaseSettings;
import org.apache.pekko.coordination.lease.javadsl.Lease;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lease that decides a split: Pekko's resolver asks for it on each side, and the side that gets
 * it goes on. It is a row of the store, so it is the side that reaches the store. A host that is
 * buried has no lease any more, whatever its time.
 */
final class PostgresLease extends Lease {
  private static final Logger LOGGER = LoggerFactory.getLogger(PostgresLease.class);

  /** How long it lasts: longer than the resolver keeps it, which is {@code release-after}. */
  static final Duration TIME = Duration.ofSeconds(30);

  /** How long it is tried to reach the store, and how often. */
  private static final Duration PATIENCE = Duration.ofSeconds(4);

  private static final Duration AGAIN = Duration.ofMillis(250);

  private final LeaseSettings settings;
  private final Slots slots;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(
          Thread.ofVirtual()
              .name("seriatim-split-lease")
              .inheritInheritableThreadLocals(false)
              .factory());

  private volatile boolean held;

  /** Pekko makes it, by the name of the class in its configuration. */
  PostgresLease(LeaseSettings settings, ExtendedActorSystem system) {
    this.settings = settings;
    this.slots = system.settings().setup().get(SlotsSetup.class).orElseThrow().slots();
  }

  @Override
  public LeaseSettings getSettings() {
    return settings;
  }

  @Override
  public CompletionStage<Boolean> acquire() {
    return CompletableFuture.supplyAsync(this::acquireInTime, threads);
  }

  /** The resolver doesn't ask to be told of its loss, and gives it up long before. */
  @Override
  public CompletionStage<Boolean> acquire(Consumer<Optional<Throwable>> lost) {
    return acquire();
  }

  private boolean acquireInTime() {
    long start = System.nanoTime();
    while (true) {
      try {
        held = slots.acquireLease(settings.leaseName(), TIME);
        LOGGER.info(
            "the hosts are split, and this side {}",
            held ? "goes on" : "ends: the other has the lease");
        return held;
      } catch (StorageException e) {
        if (System.nanoTime() - start > PATIENCE.toNanos()) {
          throw e;
        }
      }
      try {
        Thread.sleep(AGAIN);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
  }

  @Override
  public CompletionStage<Boolean> release() {
    held = false;
    return CompletableFuture.supplyAsync(
        () -> {
          slots.releaseLease(settings.leaseName());
          return true;
        },
        threads);
  }

  @Override
  public boolean checkLease() {
    return held;
  }
}
