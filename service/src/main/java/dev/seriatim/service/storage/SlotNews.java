package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Tells those who listen which slots were lost, and what hosts there are. Whoever changes either
 * calls it, on whatever thread; listeners are called under the lock, one at a time.
 */
final class SlotNews implements Ownership.Listener {
  private final Ownership ownership;

  @GuardedBy("this")
  private final List<Slots.Listener> listeners = new ArrayList<>(1);

  /** The tenures that are known here. */
  @GuardedBy("this")
  private final Ownership.@Nullable Tenure[] known = new Ownership.Tenure[ObjectKey.SLOTS];

  private volatile List<Slots.HostRow> hosts = List.of();

  SlotNews(Ownership ownership) {
    this.ownership = ownership;
    ownership.listen(this);
  }

  synchronized void listen(Slots.Listener listener) {
    listeners.add(listener);
  }

  /** The hosts that there are, as they were found last. */
  List<Slots.HostRow> hosts() {
    return hosts;
  }

  /** These are the hosts that there are. */
  synchronized void hosts(List<Slots.HostRow> found) {
    if (!found.equals(hosts)) {
      hosts = found;
      listeners.forEach(listener -> listener.hostsChanged(found));
    }
  }

  /** These slots end, and nobody is told, since somebody has asked for it. */
  void give(Set<Integer> slots) {
    synchronized (this) {
      for (int slot : slots) {
        known[slot] = null;
        ownership.give(slot);
      }
    }
    ownership.changed();
  }

  @Override
  public synchronized void slotsChanged() {
    Set<Integer> lost = new TreeSet<>();
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      Ownership.Tenure tenure = ownership.tenure(slot);
      if (known[slot] != null && known[slot] != tenure) {
        lost.add(slot);
      }
      known[slot] = tenure;
    }
    if (!lost.isEmpty()) {
      listeners.forEach(listener -> listener.lost(lost));
    }
  }

  @Override
  public void serves(boolean serves) {}
}
