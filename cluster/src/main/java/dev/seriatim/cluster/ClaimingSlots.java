package dev.seriatim.cluster;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import com.google.common.collect.ImmutableSet;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.cluster.SlotWishes.Work;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.threads.Enduring;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes slots and gives them in the store, many in one transaction, on a thread of its own: {@link
 * SlotWishes} says when which. Keeps on trying for as long as the wish stands.
 */
final class ClaimingSlots implements SlotHost, AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ClaimingSlots.class);

  private final Slots slots;
  private final Thread thread;

  @GuardedBy("this")
  private final SlotWishes wishes = new SlotWishes();

  @GuardedBy("this")
  private boolean closed;

  /** Whether the store failed the last time. Owned by the thread. */
  private boolean away;

  ClaimingSlots(Slots slots) {
    this.slots = slots;
    this.thread = Enduring.thread("seriatim-claims", this::run);
    thread.start();
  }

  @Override
  public synchronized CompletionStage<Void> take(int slot) {
    return closed ? cancelled() : woken(wishes.take(slot, System.nanoTime()));
  }

  @Override
  public synchronized CompletionStage<Void> give(int slot) {
    return closed ? cancelled() : woken(wishes.give(slot, System.nanoTime()));
  }

  private static CompletableFuture<Void> cancelled() {
    CompletableFuture<Void> cancelled = new CompletableFuture<>();
    cancelled.cancel(false);
    return cancelled;
  }

  @GuardedBy("this")
  private CompletionStage<Void> woken(CompletableFuture<Void> wish) {
    notifyAll();
    return wish;
  }

  /** Ends the thread, and cancels what is still wished for. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      wishes.cancelAll();
      notifyAll();
    }
    thread.interrupt();
  }

  private void run() {
    try {
      for (Work work = next(); work != null; work = next()) {
        ImmutableSet<Integer> given = given(work.give());
        done(work, given, claimed(work.claim()));
      }
    } catch (InterruptedException e) {
      // It is closed.
    }
  }

  /** Waits for work; null if there won't be any. */
  private synchronized @Nullable Work next() throws InterruptedException {
    while (!closed) {
      long now = System.nanoTime();
      Work work = wishes.next(now);
      if (work != null) {
        return work;
      }
      Long at = wishes.nextAt();
      if (at == null) {
        wait();
      } else {
        NANOSECONDS.timedWait(this, Math.max(1, at - now));
      }
    }
    return null;
  }

  private ImmutableSet<Integer> given(ImmutableSet<Integer> wanted) {
    return asked(
        "gives",
        wanted,
        () -> {
          slots.give(wanted);
          return wanted;
        });
  }

  private ImmutableSet<Integer> claimed(ImmutableSet<Integer> wanted) {
    return asked("claims", wanted, () -> slots.claim(wanted));
  }

  private interface Question {
    ImmutableSet<Integer> ask();
  }

  private ImmutableSet<Integer> asked(
      String what, ImmutableSet<Integer> wanted, Question question) {
    if (wanted.isEmpty()) {
      return wanted;
    }
    try {
      ImmutableSet<Integer> granted = question.ask();
      if (away) {
        away = false;
        LOGGER.info("the store gives and takes slots again");
      }
      return granted;
    } catch (RuntimeException e) {
      // Of whatever kind: the thread is needed.
      if (!away && !isClosed()) {
        away = true;
        LOGGER.warn("the store {} no slots: tried again until it does, {}", what, wanted.size(), e);
      }
      return ImmutableSet.of();
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private void done(Work work, Set<Integer> given, Set<Integer> claimed) {
    List<CompletableFuture<Void>> cameTrue;
    synchronized (this) {
      cameTrue = wishes.done(work, given, claimed, System.nanoTime());
    }
    // Without the lock: what waits for a wish may run here.
    cameTrue.forEach(wish -> wish.complete(null));
  }
}
