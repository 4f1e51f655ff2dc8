package dev.seriatim.conformance.faults;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.conformance.faults.History.Call;
import dev.seriatim.conformance.faults.History.Result.Failed;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three hosts, each a process, under load, while they, their PostgreSQL and the networks between
 * them fail: nothing that was answered is lost, done twice or out of order, no read is stale, and
 * every stub gets to know what became of its calls.
 *
 * <p>Each fault of a few once. Longer, with all of them, with {@code -Dseriatim.faults.seconds=N};
 * the same ones in the same order with {@code -Dseriatim.faults.seed=N}, though not at the same
 * moments of what is under way; only some with {@code -Dseriatim.faults.only=KILL,PAUSE}. What the
 * hosts say is in {@code target/faults}.
 */
final class ClusterFaultsTest {
  private static final long SEED =
      Long.getLong("seriatim.faults.seed", System.nanoTime() % 1_000_000);
  private static final long SECONDS = Long.getLong("seriatim.faults.seconds", 0);
  private static final String ONLY = System.getProperty("seriatim.faults.only", "");

  private static final int HOSTS = 3;
  private static final int CLIENTS = 8;
  private static final int JOURNALS = 60;

  @TempDir private Path home;

  @Test
  void whatIsAnsweredIsDoneOnceAndInOrder() throws Exception {
    System.out.printf(
        "faults: -Dseriatim.faults.seed=%d -Dseriatim.faults.seconds=%d%n", SEED, SECONDS);
    Random random = new Random(SEED);
    History history = new History();
    try (ProcessCluster cluster = ProcessCluster.start(home, "faults", HOSTS, /* edges= */ 0);
        Clients clients = new Clients(cluster.hosts())) {
      Journals journals = new Journals(clients, history, JOURNALS);
      run(cluster, journals, random);
      List<String> wrong =
          HistoryChecker.check(history.calls(), journals.readAll(random.nextInt(HOSTS)));
      assertWithMessage("what is wrong with the history of seed %s", SEED).that(wrong).isEmpty();
      System.out.printf(
          "faults: %,d calls were answered, %,d failed, of %,d stubs%n",
          history.answered(), history.failed(), history.stubs());
    } catch (Exception | Error e) {
      System.out.println("faults: failed with -Dseriatim.faults.seed=" + SEED);
      throw e;
    }
  }

  private static void run(ProcessCluster cluster, Journals journals, Random random)
      throws Exception {
    try (Load load = new Load(journals, CLIENTS, random)) {
      load.start();
      if (SECONDS == 0 && ONLY.isEmpty()) {
        List<Fault> faults =
            new ArrayList<>(List.of(Fault.KILL, Fault.PAUSE, Fault.TERMINATE, Fault.RESTART_STORE));
        Collections.shuffle(faults, random);
        for (Fault fault : faults) {
          happen(fault, cluster, journals, random);
        }
      } else {
        List<Fault> faults =
            ONLY.isEmpty()
                ? List.of(Fault.values())
                : List.of(ONLY.split(",")).stream().map(Fault::valueOf).toList();
        long end = System.nanoTime() + Duration.ofSeconds(Math.max(1, SECONDS)).toNanos();
        while (System.nanoTime() < end) {
          happen(faults.get(random.nextInt(faults.size())), cluster, journals, random);
        }
      }
      load.stop();
    }
  }

  /** Lets it happen at some moment, and waits until all is well again. */
  private static void happen(Fault fault, ProcessCluster cluster, Journals journals, Random random)
      throws Exception {
    int before = journals.history().calls().size();
    Patience.last(Duration.ofMillis(500 + random.nextInt(1500)));
    Fault.Place at = new Fault.Place(cluster, journals, random.nextInt(HOSTS), random);
    long began = System.nanoTime();
    fault.happen(at);
    for (HostProcess host : cluster.hosts()) {
      host.awaitServing();
    }
    cluster.awaitSlots();
    for (int host = 0; host < HOSTS; host++) {
      var _ = journals.awaitAnswers(host, began);
    }
    List<Call> calls = journals.history().calls();
    Map<String, Integer> came = new TreeMap<>();
    for (Call call : calls.subList(before, calls.size())) {
      String what =
          call.result() instanceof Failed failed
              ? failed.fate() + " " + failed.reason() + ": " + failed.message()
              : "answered";
      came.merge(what, 1, Integer::sum);
    }
    System.out.printf(
        "  %s at %s, well again after %d ms: %s%n",
        fault, at.host(), (System.nanoTime() - began) / 1_000_000, came);
  }
}
