package dev.seriatim.cluster;

import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.service.storage.Slots.HostRow;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The routing table, those who listen to it, and who asks its questions. */
final class LiveRoutes implements Routes {
  private final RoutingTable table = new RoutingTable();
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /** Held while listeners are told. */
  private final Object telling = new Object();

  /** Has due questions asked at once. */
  private volatile Runnable wake = () -> {};

  @Override
  public @Nullable HostRow host(int slot) {
    return table.host(slot);
  }

  @Override
  public void ask(int slot) {
    if (table.press(slot, System.nanoTime())) {
      wake.run();
    }
  }

  /** Asks this slot at once, though an answer may be on its way: it is of no use any more. */
  void askAnew(int slot) {
    if (table.ask(slot)) {
      wake.run();
    }
  }

  /** The keeper of this slot waits for it, and answers when it has it. */
  void waits(int slot, long now) {
    table.waits(slot, now);
  }

  @Override
  public void wrong(int slot, HostRow host) {
    isNotAt(slot, host.host());
  }

  /** The same, by the host's name. */
  void isNotAt(int slot, String host) {
    if (table.wrong(slot, host)) {
      tell(List.of(slot));
    }
    wake.run();
  }

  /** This host has given the slot up, and has asked already who takes it. */
  void left(int slot, String host) {
    if (table.left(slot, host)) {
      tell(List.of(slot));
    }
  }

  @Override
  public void listen(Listener listener) {
    listeners.add(listener);
  }

  /** From now on, this asks what is due at once. It must not block. */
  void askedBy(Runnable asking) {
    wake = asking;
  }

  void askAll() {
    table.askAll();
    wake.run();
  }

  void askAllOf(String host) {
    table.askAllOf(host);
    wake.run();
  }

  List<Question> due(long now) {
    return table.due(now);
  }

  void answered(Question question, String host, long now) {
    if (table.answered(question, host, now)) {
      tell(List.of(question.slot()));
    }
  }

  void hosts(List<HostRow> hosts) {
    List<Integer> changed = table.hosts(hosts);
    if (!changed.isEmpty()) {
      tell(changed);
      wake.run();
    }
  }

  int count(String host) {
    return table.count(host);
  }

  private void tell(List<Integer> slots) {
    synchronized (telling) {
      for (Listener listener : listeners) {
        slots.forEach(listener::changed);
      }
    }
  }
}
