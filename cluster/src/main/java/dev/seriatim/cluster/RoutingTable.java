package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which host has which slot, as far as this host knows, and what it has to ask to know better. It
 * has no thread, no clock and no network: whoever drives it passes the time in, sends the
 * questions, and brings the answers.
 *
 * <p>Each question has a number, and an answer to an older one than was answered last is dropped:
 * answers of two hosts may overtake each other.
 *
 * <p>Any thread may call it. Its lock guards all but {@link #host}, which reads one element.
 */
final class RoutingTable {
  /** How long an answer is waited for, before the question is asked again. */
  static final Duration AGAIN = Duration.ofSeconds(1);

  /**
   * How long a question is given before it is asked once more because somebody waits for the
   * answer.
   */
  static final Duration PRESS = Duration.ofMillis(200);

  /** For how long an answer is good. It lasts up to twice as long, so that slots spread out. */
  static final Duration REFRESH = Duration.ofSeconds(5);

  /** To ask the keeper of this slot where it is. */
  record Question(int slot, long number) {}

  private final AtomicReferenceArray<@Nullable HostRow> routes =
      new AtomicReferenceArray<>(Slots.COUNT);

  /** The name of each slot's owner; null if it isn't known. Its row may not be known as yet. */
  @GuardedBy("this")
  private final @Nullable String[] owners = new @Nullable String[Slots.COUNT];

  /** The question of each slot that was answered last. */
  @GuardedBy("this")
  private final long[] answered = new long[Slots.COUNT];

  /** When each slot is asked next. Counts if it was asked before. */
  @GuardedBy("this")
  private final long[] askAt = new long[Slots.COUNT];

  /** Until when a slot isn't asked for those who wait, since an answer is on its way. */
  @GuardedBy("this")
  private final long[] pressAt = new long[Slots.COUNT];

  @GuardedBy("this")
  private final boolean[] askNow = new boolean[Slots.COUNT];

  @GuardedBy("this")
  private Map<String, HostRow> rows = Map.of();

  @GuardedBy("this")
  private long lastQuestion;

  RoutingTable() {
    askAll();
  }

  /** The host that has this slot; null if it isn't known, or not where that host is. */
  @Nullable HostRow host(int slot) {
    return routes.get(slot);
  }

  /** To ask this slot at the next opportunity. Returns whether that is news. */
  synchronized boolean ask(int slot) {
    boolean news = !askNow[slot];
    askNow[slot] = true;
    return news;
  }

  /**
   * Somebody waits to know where this slot is: to ask it at the next opportunity, unless an answer
   * is on its way. Returns whether that is news.
   */
  synchronized boolean press(int slot, long now) {
    return now - pressAt[slot] >= 0 && ask(slot);
  }

  /**
   * The keeper of this slot runs, and waits for the slot: it answers when it has it, and need not
   * be asked before.
   */
  synchronized void waits(int slot, long now) {
    if (!askNow[slot]) {
      pressAt[slot] = now + AGAIN.toNanos();
    }
  }

  private static long spread(int slot) {
    long refresh = REFRESH.toNanos();
    return refresh + refresh / Slots.COUNT * slot;
  }

  /** To ask all slots at the next opportunity. */
  synchronized void askAll() {
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      askNow[slot] = true;
    }
  }

  /** To ask all slots of this host, which may be gone. */
  synchronized void askAllOf(String host) {
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      askNow[slot] |= host.equals(owners[slot]);
    }
  }

  /**
   * This host doesn't have the slot. Until there is an answer from another one, it isn't known.
   *
   * @return whether the route has changed by that: not if it is another one meanwhile
   */
  synchronized boolean wrong(int slot, String host) {
    if (!host.equals(owners[slot])) {
      return false;
    }
    // What was asked before this may be answered by that host as before.
    answered[slot] = lastQuestion;
    owners[slot] = null;
    askNow[slot] = true;
    return show(slot);
  }

  /**
   * This host, which is the one that asks, has given the slot up: whoever takes it may have been
   * asked before, and the answer counts.
   *
   * @return whether the route has changed by that
   */
  synchronized boolean left(int slot, String host) {
    if (!host.equals(owners[slot])) {
      return false;
    }
    owners[slot] = null;
    return show(slot);
  }

  /** The questions that have to be sent now. */
  synchronized List<Question> due(long now) {
    List<Question> questions = new ArrayList<>();
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      if (askNow[slot] || now - askAt[slot] >= 0) {
        askNow[slot] = false;
        askAt[slot] = now + AGAIN.toNanos();
        pressAt[slot] = now + PRESS.toNanos();
        questions.add(new Question(slot, ++lastQuestion));
      }
    }
    return questions;
  }

  /** The keeper of this slot runs on this host, says the answer. Returns whether that is new. */
  synchronized boolean answered(Question question, String host, long now) {
    int slot = question.slot();
    if (question.number() <= answered[slot]) {
      return false;
    }
    answered[slot] = question.number();
    owners[slot] = host;
    askAt[slot] = now + (rows.containsKey(host) ? spread(slot) : AGAIN.toNanos());
    pressAt[slot] = now;
    return show(slot);
  }

  /** These are the hosts that have a row. Returns the slots whose routes have changed by that. */
  synchronized List<Integer> hosts(List<HostRow> hosts) {
    Map<String, HostRow> before = rows;
    rows = new HashMap<>();
    for (HostRow row : hosts) {
      rows.put(row.host(), row);
    }
    List<Integer> changed = new ArrayList<>();
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      String owner = owners[slot];
      if (owner != null && before.containsKey(owner) && !rows.containsKey(owner)) {
        owners[slot] = null;
        askNow[slot] = true;
      }
      if (show(slot)) {
        changed.add(slot);
      }
    }
    return changed;
  }

  /** How many slots this host has, as far as is known. */
  synchronized int count(String host) {
    int count = 0;
    for (String owner : owners) {
      count += host.equals(owner) ? 1 : 0;
    }
    return count;
  }

  @GuardedBy("this")
  private boolean show(int slot) {
    String owner = owners[slot];
    HostRow row = owner == null ? null : rows.get(owner);
    if (row != null && row.announcement().address().isEmpty()) {
      row = null; // It has just been made, and says soon where its host is.
    }
    HostRow before = routes.getAndSet(slot, row);
    return row == null ? before != null : !row.equals(before);
  }
}
