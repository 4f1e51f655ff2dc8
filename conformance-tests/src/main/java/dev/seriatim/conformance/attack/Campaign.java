package dev.seriatim.conformance.attack;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Plays attacks, each on a new host, and looks at what becomes of the host and of a neighbour. */
final class Campaign {
  private static final Duration BEFORE = Duration.ofSeconds(3);
  private static final long LOOK_MILLIS = 100;

  private final String heap;
  private final List<String> options;
  private final Duration time;

  /**
   * A campaign.
   *
   * @param heap the heap of the host, such as {@code 512m}
   * @param options of the server
   * @param time how long each attack lasts
   */
  Campaign(String heap, List<String> options, Duration time) {
    this.heap = heap;
    this.options = options;
    this.time = time;
  }

  static List<Attack> attacks() {
    List<Attack> all = new ArrayList<>(MemoryAttacks.all());
    all.addAll(TimeAttacks.all());
    return all;
  }

  Result play(Attack attack) throws Exception {
    try (Victim victim = Victim.start(heap, options);
        Neighbour neighbour = Neighbour.start(victim.port())) {
      Thread.sleep(BEFORE.toMillis());
      var _ = neighbour.ask(); // It was still warming up.
      Thread.sleep(BEFORE.toMillis());
      List<Latencies> before = neighbour.ask();
      long heapBefore = victim.heap();
      long loggedBefore = victim.logged();
      var _ = neighbour.ask();

      Stage stage = new Stage(victim, time);
      CompletableFuture<Long> most = new CompletableFuture<>();
      Thread.startVirtualThread(() -> watchMemory(stage, most));
      Throwable thrown = null;
      try {
        attack.play().on(stage);
        stage.pauseToEnd();
      } catch (Throwable e) {
        thrown = e;
      }
      long resident = most.get();
      List<Latencies> during = victim.isAlive() ? neighbour.ask() : before;
      stage.close();
      boolean alive = victim.isAlive();
      return new Result(
          attack,
          before,
          during,
          heapBefore,
          alive ? heapAfter(victim, heapBefore) : -1,
          resident,
          victim.logged() - loggedBefore,
          stage.answers(),
          alive,
          victim.log().contains("OutOfMemory"),
          thrown,
          victim.log());
    }
  }

  private static void watchMemory(Stage stage, CompletableFuture<Long> most) {
    long highest = 0;
    try {
      while (!stage.isOver()) {
        highest = Math.max(highest, stage.victim().resident());
        Thread.sleep(LOOK_MILLIS);
      }
    } catch (IOException | InterruptedException e) {
      // The host has ended.
    }
    most.complete(highest);
  }

  /** What the heap comes back to: looked at until it is near what it was, or for some seconds. */
  private static long heapAfter(Victim victim, long before) throws InterruptedException {
    long now = victim.heap();
    for (int i = 0; i < 50 && now > before + 16 && now < Victim.UNKNOWN; i++) {
      Thread.sleep(LOOK_MILLIS);
      now = victim.heap();
    }
    return now;
  }
}
