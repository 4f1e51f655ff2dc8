package dev.seriatim.conformance.faults;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A PostgreSQL is restored to what it was some time ago, while hosts run on it, as by a failover to
 * a standby that lags behind. What was lost is lost; but no host shows it from memory any more once
 * it has heard of that, which it does with its next beat or commit; and all of them say the same.
 */
final class StoreGoneBackTest {
  private static final int HOSTS = 3;
  private static final int JOURNALS = 60;

  @TempDir private Path home;

  @Test
  void noHostShowsWhatTheStoreHasLost() throws Exception {
    History history = new History();
    try (ProcessCluster cluster = ProcessCluster.start(home, "back", HOSTS, /* edges= */ 0);
        Clients clients = new Clients(cluster.hosts())) {
      Journals journals = new Journals(clients, history, JOURNALS);
      Map<String, JournalStub> stubs = new TreeMap<>();
      journals.names().forEach(name -> stubs.put(name, journals.open(name, 0, false)));
      appendToAll(journals, stubs);
      cluster.postgres().keep();
      Map<String, List<String>> kept = journals.readAll(0);
      appendToAll(journals, stubs);
      for (List<String> lines : journals.readAll(1).values()) {
        assertThat(lines).hasSize(2);
      }

      cluster.postgres().goBack();

      for (HostProcess host : cluster.hosts()) {
        host.awaitServing();
      }
      cluster.awaitSlots();
      for (int host = 0; host < HOSTS; host++) {
        awaitThat(journals, host, kept);
      }
      for (int host = 0; host < HOSTS; host++) {
        assertWithMessage("journals by way of host %s", host + 1)
            .that(journals.readAll(host))
            .isEqualTo(kept);
      }
      // And they go on from there.
      Journals again = new Journals(clients, history, JOURNALS);
      Map<String, JournalStub> fresh = new TreeMap<>();
      again.names().forEach(name -> fresh.put(name, again.open(name, 2, false)));
      appendToAll(again, fresh);
      for (Map.Entry<String, List<String>> journal : again.readAll(1).entrySet()) {
        List<String> first = new ArrayList<>(kept.get(journal.getKey()));
        assertThat(journal.getValue()).hasSize(2);
        assertThat(journal.getValue().subList(0, 1)).isEqualTo(first);
      }
      stubs.values().forEach(JournalStub::close);
      fresh.values().forEach(JournalStub::close);
    }
  }

  /** Until the host of each object has heard that the store has gone back. */
  private static void awaitThat(Journals journals, int host, Map<String, List<String>> kept)
      throws InterruptedException {
    Patience.await(
        "journals by way of host %d as the store has them".formatted(host + 1),
        () -> {
          try {
            return journals.readAll(host).equals(kept);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
          }
        });
  }

  private static void appendToAll(Journals journals, Map<String, JournalStub> stubs)
      throws InterruptedException {
    stubs.values().forEach(JournalStub::append);
    journals.awaitEnds();
    for (Map.Entry<String, JournalStub> stub : stubs.entrySet()) {
      assertWithMessage("an answer of %s", stub.getKey())
          .that(stub.getValue().answeredAt())
          .isNotEqualTo(0);
    }
  }
}
