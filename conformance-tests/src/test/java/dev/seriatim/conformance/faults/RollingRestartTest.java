package dev.seriatim.conformance.faults;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.conformance.faults.History.Call;
import dev.seriatim.conformance.faults.History.Result.Failed;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three hosts are ended by SIGTERM and started again, one after the other, while stubs call that
 * were opened through a fourth, which has no objects: none of them breaks, and every call is
 * answered, in order.
 */
final class RollingRestartTest {
  /** All of them, one after the other, in the long form. */
  private static final int RESTARTED = Integer.getInteger("seriatim.faults.seconds", 0) > 0 ? 3 : 1;

  private static final int HOSTS = 3;
  private static final int STUBS = Integer.getInteger("seriatim.faults.stubs", 200);

  /** Each stub makes one call in so long. */
  private static final int PACE_MILLIS = Integer.getInteger("seriatim.faults.pace", 250);

  @TempDir private Path home;

  @Test
  void noStubBreaksThatCameThroughAnotherHost() throws Exception {
    History history = new History();
    try (ProcessCluster cluster = ProcessCluster.start(home, "rolling", HOSTS, /* edges= */ 1);
        Clients clients = new Clients(cluster.hosts().subList(HOSTS, HOSTS + 1));
        ScheduledExecutorService pace = Executors.newScheduledThreadPool(2)) {
      Journals journals = new Journals(clients, history, STUBS);
      List<JournalStub> stubs = new ArrayList<>();
      for (String name : journals.names()) {
        JournalStub stub = journals.open(name, 0, /* onSharedCall= */ stubs.size() % 2 == 0);
        stubs.add(stub);
        var _ =
            pace.scheduleAtFixedRate(
                stub::append,
                (long) PACE_MILLIS * stubs.size() / STUBS,
                PACE_MILLIS,
                TimeUnit.MILLISECONDS);
      }
      Patience.await(
          "a first answer to every stub",
          () -> stubs.stream().allMatch(stub -> stub.answeredAt() != 0));
      for (HostProcess host : cluster.hosts().subList(0, RESTARTED)) {
        restart(host, cluster, history);
      }
      pace.shutdown();
      assertThat(pace.awaitTermination(Patience.SECONDS, TimeUnit.SECONDS)).isTrue();
      stubs.forEach(JournalStub::close);
      journals.awaitEnds();

      List<Call> calls = history.calls();
      List<Call> failed =
          calls.stream().filter(call -> call.result() instanceof Failed).limit(10).toList();
      System.out.printf(
          "rolling restart: %,d calls of %d stubs were answered, %,d failed; %s%n",
          history.answered(), STUBS, history.failed(), stalls(calls));
      assertWithMessage("calls that failed").that(failed).isEmpty();
      assertThat(HistoryChecker.check(calls, journals.readAll(0))).isEmpty();
    }
  }

  private static void restart(HostProcess host, ProcessCluster cluster, History history)
      throws Exception {
    int slots = cluster.slots(host);
    long began = System.nanoTime();
    host.terminate();
    long ended = System.nanoTime();
    host.start();
    host.awaitServing();
    cluster.awaitSlots();
    Patience.awaitStored(host + " has slots again", () -> cluster.slots(host) > 0);
    System.out.printf(
        "rolling restart: %s with %d slots ended %d ms after SIGTERM, had slots again after %d ms"
            + " more; %s%n",
        host,
        slots,
        millis(ended - began),
        millis(System.nanoTime() - ended),
        stalls(history.calls().stream().filter(call -> call.ended() - began > 0).toList()));
  }

  private static String stalls(List<Call> calls) {
    long[] took = calls.stream().mapToLong(call -> call.ended() - call.began()).sorted().toArray();
    return "of %,d calls half took %d ms, one in a thousand %d ms or more, the longest %d ms"
        .formatted(
            took.length,
            millis(took[took.length / 2]),
            millis(took[took.length - 1 - took.length / 1000]),
            millis(took[took.length - 1]));
  }

  private static long millis(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(nanos);
  }
}
