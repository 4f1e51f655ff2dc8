package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.object.Moves;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.threads.Enduring;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Has slots come to rest before they are given up, by a {@link Handover} that it drives on a thread
 * of its own. Safe for any number of threads.
 */
final class SlotMover implements SlotHost, AutoCloseable {
  /** How often is looked at slots that leave. */
  private static final Duration LOOK = Duration.ofMillis(1);

  private final SlotHost store;
  private final Handover handover;
  private final LongSupplier nanos;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("seriatim-mover").factory());

  @GuardedBy("this")
  private final Map<Integer, CompletableFuture<Void>> gives = new HashMap<>();

  /** Those that were asked for last to be taken, and not to be given. */
  @GuardedBy("this")
  private final Set<Integer> toTake = new HashSet<>();

  @GuardedBy("this")
  private final Set<Integer> begun = new HashSet<>();

  @GuardedBy("this")
  private final Set<Integer> calledOff = new HashSet<>();

  @GuardedBy("this")
  private boolean looks;

  /**
   * Nothing moves yet.
   *
   * @param store takes and gives slots at once
   * @param limit how long a turn may go on when its object is to move
   */
  SlotMover(SlotHost store, ObjectDirectory directory, Duration limit, LongSupplier nanos) {
    this.store = store;
    this.nanos = nanos;
    this.handover = new Handover(new Leaving(directory.moves()), limit);
  }

  private record Leaving(Moves moves) implements Handover.Objects {
    @Override
    public void leave(Set<Integer> slots) {
      moves.leave(slots);
    }

    @Override
    public void leaveWholly(Set<Integer> slots) {
      moves.leaveWholly(slots);
    }

    @Override
    public Set<Integer> busy(Set<Integer> slots, boolean withObjectsStubs) {
      return moves.busy(slots, withObjectsStubs);
    }

    @Override
    public void cutOff(Set<Integer> slots) {
      moves.cutOff(slots);
    }

    @Override
    public void stay(Set<Integer> slots) {
      moves.stay(slots);
    }
  }

  @Override
  public CompletionStage<Void> take(int slot) {
    CompletableFuture<Void> given;
    synchronized (this) {
      given = gives.remove(slot);
      begun.remove(slot);
      calledOff.add(slot);
      toTake.add(slot);
    }
    if (given != null) {
      given.cancel(false);
    }
    // Before the slot is this host's again, and on the thread that looks.
    CompletableFuture<Void> taken = new CompletableFuture<>();
    later(
        taken,
        () -> {
          settle();
          if (!isToBeTaken(slot)) { // It was asked for the opposite meanwhile.
            taken.cancel(false);
            return;
          }
          var _ =
              store
                  .take(slot)
                  .whenComplete(
                      (_, thrown) -> {
                        if (thrown == null) {
                          taken.complete(null);
                        } else {
                          taken.completeExceptionally(thrown);
                        }
                      });
        });
    return taken;
  }

  private synchronized boolean isToBeTaken(int slot) {
    return toTake.contains(slot);
  }

  @Override
  public CompletionStage<Void> give(int slot) {
    CompletableFuture<Void> given;
    synchronized (this) {
      given = gives.computeIfAbsent(slot, _ -> new CompletableFuture<>());
      begun.add(slot);
      calledOff.remove(slot);
      toTake.remove(slot);
      if (looks) {
        return given;
      }
      looks = true;
    }
    later(given, this::look);
    return given;
  }

  /** Does this on the thread, unless that has ended: then nothing comes of it. */
  private void later(CompletableFuture<Void> what, Runnable work) {
    try {
      thread.execute(work);
    } catch (RejectedExecutionException e) {
      what.cancel(false);
    }
  }

  // ---- the thread

  /** Does what was asked for since. */
  private void settle() {
    Set<Integer> off;
    Set<Integer> on;
    synchronized (this) {
      off = Set.copyOf(calledOff);
      on = Set.copyOf(begun);
      calledOff.clear();
      begun.clear();
    }
    off.forEach(handover::callOff);
    handover.begin(on, nanos.getAsLong());
  }

  private void look() {
    boolean again = true;
    try {
      settle();
      for (int slot : handover.look(nanos.getAsLong())) {
        give(slot, future(slot));
      }
      synchronized (this) {
        again = !handover.isIdle() || !begun.isEmpty();
        looks = again;
      }
    } catch (RuntimeException | Error e) { // Slots must not stay half left.
      Enduring.log("what looks at slots that leave", e);
    }
    if (again && !thread.isShutdown()) {
      Enduring.step(
          () -> {
            var _ = thread.schedule(this::look, LOOK.toNanos(), TimeUnit.NANOSECONDS);
          });
    }
  }

  private synchronized CompletableFuture<Void> future(int slot) {
    CompletableFuture<Void> waits = gives.remove(slot);
    return waits == null ? new CompletableFuture<>() : waits;
  }

  private void give(int slot, CompletableFuture<Void> waits) {
    var _ =
        store
            .give(slot)
            .whenComplete(
                (_, thrown) -> {
                  if (thrown == null) {
                    waits.complete(null);
                  } else {
                    waits.completeExceptionally(thrown);
                  }
                });
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
