package dev.seriatim.conformance.attack;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.ManagedChannel;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Where an attack is played: the host, the time that it has, and what it was answered. */
final class Stage implements Closeable {
  private final Victim victim;
  private final long endNanos;

  @GuardedBy("this")
  private final Map<String, Integer> answers = new TreeMap<>();

  @GuardedBy("this")
  private final List<Closeable> open = new ArrayList<>();

  Stage(Victim victim, Duration time) {
    this.victim = victim;
    this.endNanos = System.nanoTime() + time.toNanos();
  }

  Victim victim() {
    return victim;
  }

  int port() {
    return victim.port();
  }

  ManagedChannel connect() {
    return victim.connect();
  }

  /** A raw connection, which is closed with the stage. */
  RawConnection raw() throws IOException {
    return keep(RawConnection.open(port()));
  }

  /** A raw connection that lets the host send no more than a first window. */
  RawConnection rawThatDoesNotRead() throws IOException {
    return keep(RawConnection.open(port(), /* reads= */ false));
  }

  /** Closes this with the stage. */
  synchronized <C extends Closeable> C keep(C closeable) {
    open.add(closeable);
    return closeable;
  }

  boolean isOver() {
    return System.nanoTime() - endNanos >= 0 || !victim.isAlive();
  }

  /** Waits, but not for longer than the attack lasts. */
  void pause(long millis) throws InterruptedException {
    long left = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
    Thread.sleep(Math.clamp(left, 0, millis));
  }

  /** Waits until the attack is over. */
  void pauseToEnd() throws InterruptedException {
    pause(Long.MAX_VALUE);
  }

  /** The host has answered something with this. */
  synchronized void answered(String with) {
    answers.merge(with, 1, Integer::sum);
  }

  /** What the host has answered, and how often. */
  synchronized Map<String, Integer> answers() {
    return new TreeMap<>(answers);
  }

  @Override
  public void close() throws IOException {
    List<Closeable> all;
    synchronized (this) {
      all = List.copyOf(open);
      open.clear();
    }
    for (Closeable one : all) {
      one.close();
    }
  }
}
