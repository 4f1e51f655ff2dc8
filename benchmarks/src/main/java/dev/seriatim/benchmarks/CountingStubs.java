package dev.seriatim.benchmarks;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.benchmarks.Tally.Finding;
import dev.seriatim.benchmarks.v1.Amount;
import dev.seriatim.benchmarks.v1.CounterGrpc;
import dev.seriatim.benchmarks.v1.Sum;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stubs on a counter each, which add 1 again and again, one call at a time, and durably. Each
 * answer is held to those before it: see {@link Tally}. A stub that breaks is followed by another.
 */
final class CountingStubs implements AutoCloseable {
  /** How long each rests between an answer and its next call. */
  private static final Duration PACE = Duration.ofMillis(250);

  /** The same after a failure, behind which an object is to be had as soon as it is there. */
  private static final Duration AGAIN = Duration.ofMillis(10);

  private final ManagedChannel channel;
  private final ScheduledExecutorService pace = Executors.newScheduledThreadPool(1);
  private final List<Counting> stubs = new ArrayList<>();
  private final AtomicLong answered = new AtomicLong();
  private final AtomicInteger unknown = new AtomicInteger();
  private final AtomicInteger lost = new AtomicInteger();
  private final AtomicInteger doubled = new AtomicInteger();
  private volatile String lastFailure = "none";

  /** The stubs on one counter, one after the other. Its lock guards what is known of it. */
  private final class Counting {
    private final DurableObjectNamespace namespace;
    private final String name;

    /** Only the thread of the pace writes it. */
    private DurableObjectStub stub;

    @GuardedBy("this")
    private final Tally tally = new Tally();

    /** Since when answers are waited for, and calls count that begin. */
    @GuardedBy("this")
    private long since = System.nanoTime();

    /** When the first answer came to one of those; 0 if none has come. */
    @GuardedBy("this")
    private long answeredAt;

    /** Whether one was lost since without a word on what became of it. */
    @GuardedBy("this")
    private boolean unsettled;

    private Counting(DurableObjectNamespace namespace, String name) {
      this.namespace = namespace;
      this.name = name;
      this.stub = namespace.getByName(name);
    }

    private void call() {
      if (stub.isBroken()) {
        stub = namespace.getByName(name);
      }
      long began = System.nanoTime();
      Futures.addCallback(
          stub.call(CounterGrpc.getAddStoredMethod(), Amount.newBuilder().setAmount(1).build()),
          new FutureCallback<Sum>() {
            @Override
            public void onSuccess(Sum answer) {
              answered(began, answer.getSum());
              later(PACE);
            }

            @Override
            public void onFailure(Throwable thrown) {
              failed(thrown);
              later(AGAIN);
            }
          },
          MoreExecutors.directExecutor());
    }

    private void later(Duration rest) {
      try {
        var _ = pace.schedule(this::call, rest.toNanos(), TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        // All is over.
      }
    }

    private synchronized void answered(long began, long sum) {
      answered.incrementAndGet();
      Finding finding = tally.answered(sum);
      if (finding != Finding.RIGHT) {
        (finding == Finding.LOST ? lost : doubled).incrementAndGet();
        System.err.println("bench: wrong: " + name + " says " + sum + ": " + finding);
      }
      if (answeredAt == 0 && began - since >= 0) {
        answeredAt = System.nanoTime() | 1;
      }
    }

    private synchronized void failed(Throwable thrown) {
      lastFailure = thrown.toString();
      CallFailure failure =
          CallFailure.of(thrown).orElseThrow(() -> new IllegalStateException(thrown));
      switch (failure.fate()) {
        case COMPLETED -> tally.completed();
        case UNKNOWN -> {
          tally.lostSight();
          unsettled = true;
          unknown.incrementAndGet();
        }
        case NOT_EXECUTED -> {}
      }
    }

    private synchronized void forget() {
      since = System.nanoTime();
      answeredAt = 0;
      unsettled = false;
    }

    private synchronized void settle() {
      if (answeredAt != 0 && !unsettled) {
        tally.settle();
      }
    }

    private synchronized long answeredAt() {
      return answeredAt;
    }
  }

  /** Opens so many through the host at this port, half of them on shared calls; they call on. */
  CountingStubs(int port, int count) {
    channel = Loads.connect(port);
    List<DurableObjectNamespace> namespaces =
        List.of(
            StubLoads.namespace(channel, BenchObjects.COUNTER),
            StubLoads.namespace(channel, BenchObjects.COUNTER, 2));
    for (int number = 0; number < count; number++) {
      Counting stub = new Counting(namespaces.get(number % 2), "kills-" + number);
      stubs.add(stub);
      var _ = pace.schedule(stub::call, PACE.toNanos() * number / count, TimeUnit.NANOSECONDS);
    }
  }

  /** Forgets which objects have answered: only calls that begin from now on count. */
  void forget() {
    stubs.forEach(Counting::forget);
  }

  /**
   * What was lost before {@link #forget} isn't counted any more: the host that could do it is dead,
   * and another one has answered.
   */
  void settle() {
    stubs.forEach(Counting::settle);
  }

  /** How many objects have not answered since. */
  int silent() {
    return (int) stubs.stream().filter(stub -> stub.answeredAt() == 0).count();
  }

  /** How long the last object took to answer, from a time of {@link System#nanoTime}. */
  Duration lastAnswer(long from) {
    return Duration.ofNanos(
        stubs.stream().mapToLong(stub -> stub.answeredAt() - from).max().orElse(0));
  }

  /** How many calls were answered so far. */
  long answered() {
    return answered.get();
  }

  /** Of how many calls nobody knows so far what became of them. */
  int unknown() {
    return unknown.get();
  }

  /** How many answers so far have shown that a call before them is lost that was answered. */
  int lost() {
    return lost.get();
  }

  /** How many have shown that a call was counted twice, or without being made. */
  int doubled() {
    return doubled.get();
  }

  /** What the last call was told that failed. */
  String lastFailure() {
    return lastFailure;
  }

  @Override
  public void close() {
    pace.shutdownNow();
    channel.shutdownNow();
  }
}
