package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Holds the committer at a step or those who read, or lets the step fail, when a test says so. */
public final class FaultScript implements Faults {
  private static final long PATIENCE_SECONDS = 30;

  // Guarded by this.
  private final Map<Step, Faults> once = new EnumMap<>(Step.class);
  private final Map<Need, Integer> noMemory = new EnumMap<>(Need.class);
  private @Nullable Hold hold;
  private @Nullable Hold readHold;
  private int readsHeld;

  /** The next time that the committer comes to this step, it does this. */
  synchronized void once(Step step, Faults fault) {
    once.put(step, fault);
  }

  /** The next time that the committer comes to this step, the step fails. */
  void failOnce(Step step, SQLException failure) {
    once(
        step,
        (s, connection) -> {
          throw failure;
        });
  }

  /** The next time that the committer comes to this step, it waits until it is released. */
  synchronized Hold hold(Step step) {
    Hold made = new Hold("the committer at " + step, step);
    hold = made;
    return made;
  }

  /** From now on each read waits until it is released. */
  public synchronized Hold holdReads() {
    Hold made = new Hold("a read", null);
    readHold = made;
    readsHeld = 0;
    return made;
  }

  /** How many have waited since reads were held last. */
  public synchronized int readsHeld() {
    return readsHeld;
  }

  @Override
  public void read() {
    Hold held;
    synchronized (this) {
      held = readHold;
      if (held == null || held.released.getCount() == 0) {
        return;
      }
      readsHeld++;
    }
    held.reached.countDown();
    await(held.released, "the test's release of a read");
  }

  /** The next so many times that memory is needed for this, there is none. */
  synchronized void noMemory(Need need, int times) {
    noMemory.put(need, times);
  }

  @Override
  public synchronized void memory(Need need) {
    Integer left = noMemory.get(need);
    if (left != null && left > 0) {
      noMemory.put(need, left - 1);
      throw new OutOfMemoryError("no memory " + need);
    }
  }

  @Override
  public void at(Step step, Connection connection) throws SQLException {
    Hold held = null;
    Faults fault;
    synchronized (this) {
      if (hold != null && hold.step == step) {
        held = hold;
        hold = null;
      }
      fault = once.remove(step);
    }
    if (held != null) {
      held.reached.countDown();
      await(held.released, "the test's release at " + step);
    }
    if (fault != null) {
      fault.at(step, connection);
    }
  }

  private static void await(CountDownLatch latch, String what) {
    try {
      if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(what + " did not come within " + PATIENCE_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Who is held: the committer at a step, or those who read. */
  public static final class Hold {
    private final String who;
    private final @Nullable Step step;
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    private Hold(String who, @Nullable Step step) {
      this.who = who;
      this.step = step;
    }

    public void awaitReached() {
      await(reached, who);
    }

    public void release() {
      released.countDown();
    }
  }
}
