package dev.seriatim.conformance.faults;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.examples.v1.ReadResponse;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/** The journals that a test writes to. Any thread may call it. */
final class Journals {
  private static final String NAMESPACE = "JOURNAL";

  private final Clients clients;
  private final History history;
  private final List<String> names;

  /** How many lines each is known to have. */
  private final Map<String, AtomicLong> known = new HashMap<>();

  Journals(Clients clients, History history, int count) {
    this.clients = clients;
    this.history = history;
    this.names = IntStream.range(0, count).mapToObj(i -> "journal-" + i).toList();
    names.forEach(name -> known.put(name, new AtomicLong()));
  }

  List<String> names() {
    return names;
  }

  History history() {
    return history;
  }

  /** Through how many hosts they are reached. */
  int hosts() {
    return clients.hosts();
  }

  /** A stub on this one, by way of the host with this index. */
  JournalStub open(String name, int host, boolean onSharedCall) {
    return new JournalStub(
        clients.namespace(NAMESPACE, host, onSharedCall).getByName(name),
        history.stub(name, host, onSharedCall),
        known.get(name));
  }

  /**
   * Waits until each has answered by way of the host with this index, to stub after stub.
   *
   * @param since a time of {@link System#nanoTime}
   * @return how long the last one took
   */
  Duration awaitAnswers(int host, long since) throws InterruptedException {
    Map<String, JournalStub> waiting = new HashMap<>();
    names.forEach(name -> waiting.put(name, read(name, host)));
    AtomicLong last = new AtomicLong();
    Patience.await(
        "an answer of every journal by way of host " + (host + 1),
        () -> {
          for (String name : names) {
            JournalStub stub = waiting.get(name);
            if (stub != null && stub.open() == 0) {
              stub.close();
              if (stub.answeredAt() == 0) {
                waiting.put(name, read(name, host));
              } else {
                last.accumulateAndGet(stub.answeredAt() - since, Math::max);
                waiting.remove(name);
              }
            }
          }
          return waiting.isEmpty();
        });
    return Duration.ofNanos(last.get());
  }

  private JournalStub read(String name, int host) {
    JournalStub stub = open(name, host, /* onSharedCall= */ true);
    stub.read();
    return stub;
  }

  /** Waits until every call that was begun until now has come to some end. */
  void awaitEnds() throws InterruptedException {
    List<History.Open> begun = history.open();
    try {
      Patience.await("the end of every call", () -> begun.stream().noneMatch(history::isOpen));
    } catch (AssertionError e) {
      Map<String, Long> left =
          begun.stream()
              .filter(history::isOpen)
              .collect(groupingBy(History.Open::stub, TreeMap::new, counting()));
      throw new AssertionError("so many calls of these stubs have no end: " + left, e);
    }
  }

  /** All lines of every journal, by way of the host with this index. */
  Map<String, List<String>> readAll(int host) throws InterruptedException {
    Map<String, List<String>> all = new TreeMap<>();
    for (String name : names) {
      List<String> lines = new ArrayList<>();
      Patience.await("all lines of " + name, () -> readOn(name, host, lines));
      all.put(name, lines);
    }
    return all;
  }

  /** Returns whether these are all. */
  private boolean readOn(String name, int host, List<String> lines) {
    try (DurableObjectStub stub = clients.namespace(NAMESPACE, host, false).getByName(name)) {
      JournalGrpc.JournalBlockingStub journal =
          JournalGrpc.newBlockingStub(stub.channel())
              .withDeadlineAfter(Patience.SECONDS, TimeUnit.SECONDS);
      ReadResponse page;
      do {
        page = journal.read(ReadRequest.newBuilder().setFrom(lines.size() + 1).build());
        lines.addAll(page.getLinesList());
      } while (page.getLinesCount() > 0);
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }
}
