package dev.seriatim.conformance.faults;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.conformance.faults.History.Call;
import dev.seriatim.conformance.faults.History.Result.Failed;
import dev.seriatim.service.Seeds;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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
 * a seed chooses them and their order, though not the moments of what is under way; only some with
 * {@code -Dseriatim.faults.only=KILL,PAUSE}. What the hosts say is in {@code target/faults}.
 */
final class ClusterFaultsTest {
  private static final long SECONDS = Long.getLong("seriatim.faults.seconds", 0);
  private static final String ONLY = System.getProperty("seriatim.faults.only", "");

  private static final int HOSTS = 3;
  private static final int CLIENTS = 8;
  private static final int JOURNALS = 60;

  @TempDir private Path home;

  @Test
  void whatIsAnsweredIsDoneOnceAndInOrder() {
    Seeds.each(
        1,
        seed -> {
          // PostgreSQL may have to run as somebody else.
          Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx--x--x"));
          play(Files.createTempDirectory(home, "run"), new Random(seed));
        });
  }

  private static void play(Path directory, Random random) throws Exception {
    History history = new History();
    try (ProcessCluster cluster = ProcessCluster.start(directory, "faults", HOSTS, /* edges= */ 0);
        Clients clients = new Clients(cluster.hosts())) {
      Journals journals = new Journals(clients, history, JOURNALS);
      run(cluster, journals, random);
      List<String> wrong =
          HistoryChecker.check(history.calls(), journals.readAll(random.nextInt(HOSTS)));
      assertWithMessage("what is wrong with the history").that(wrong).isEmpty();
      System.out.printf(
          "faults: %,d calls were answered, %,d failed, of %,d stubs%n",
          history.answered(), history.failed(), history.stubs());
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
    journals.awaitEnds(); // Of older stubs too.
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
