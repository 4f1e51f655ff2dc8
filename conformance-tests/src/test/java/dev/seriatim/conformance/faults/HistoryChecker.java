package dev.seriatim.conformance.faults;

import static java.util.Comparator.comparingInt;
import static java.util.Comparator.comparingLong;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toList;

import com.google.common.collect.ImmutableSet;
import dev.seriatim.conformance.faults.History.Call;
import dev.seriatim.conformance.faults.History.Result;
import dev.seriatim.conformance.faults.History.Result.Appended;
import dev.seriatim.conformance.faults.History.Result.Failed;
import dev.seriatim.conformance.faults.History.Result.Lines;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Holds a history of calls to journals, and what is in the journals at its end, to what the host
 * promises:
 *
 * <ul>
 *   <li>the lines of each stub are those of its first appends up to some, in their order, each
 *       once; those that were answered are among them, at the index that was told, and those that
 *       were not executed aren't;
 *   <li>what a stub is told comes in the order of its calls: first answers, then what has no
 *       result, then what is unknown, then what had no effect. Nothing is unknown if the host said
 *       why the stub broke;
 *   <li>all calls to one journal can be put in one order, which is that of its lines, without any
 *       standing before one that had ended when it began: a read shows all that was answered before
 *       it.
 * </ul>
 *
 * <p>An append whose fate is unknown may be there or not, and may come to be at any time.
 */
final class HistoryChecker {
  /** The reasons of stubs that were lost without a word of the host. */
  private static final ImmutableSet<String> LOST =
      ImmutableSet.of(
          Reasons.CONNECTION_LOST,
          Reasons.OPEN_OVERDUE,
          Reasons.ANSWER_OVERDUE,
          Reasons.STUB_CANCELLED);

  /** What may become of a stub when hosts, the store and networks fail. */
  private static final ImmutableSet<String> TOLD =
      ImmutableSet.of(
          Reasons.OBJECT_RESET,
          Reasons.HOST_DRAINING,
          Reasons.OWNER_UNAVAILABLE,
          Reasons.OBJECT_MOVED,
          Reasons.OVERLOADED);

  private static final int MOST = 50;

  /**
   * A read asks for no more lines: behind so many there may be others. Few, for a journal that
   * can't keep up would have more and more to show.
   */
  static final int PAGE_LINES = 100;

  private final List<Call> calls;
  private final Map<String, List<String>> journals;
  private final List<String> faults = new ArrayList<>();

  /** By its line, where each is. */
  private final Map<String, Long> places = new HashMap<>();

  private HistoryChecker(List<Call> calls, Map<String, List<String>> journals) {
    this.calls = calls;
    this.journals = journals;
  }

  /**
   * Checks a history whose calls have all ended.
   *
   * @param journals all lines of every journal, read behind it
   * @return what is wrong with it, the first of it; empty if it is as it has to be
   */
  static List<String> check(List<Call> calls, Map<String, List<String>> journals) {
    HistoryChecker checker = new HistoryChecker(calls, journals);
    checker.journals();
    calls.stream()
        .collect(groupingBy(Call::stub, TreeMap::new, toList()))
        .forEach((stub, own) -> checker.stub(own));
    calls.stream()
        .collect(groupingBy(Call::object, TreeMap::new, toList()))
        .forEach((object, own) -> checker.linear(own));
    return checker.faults;
  }

  private void fault(String what) {
    if (faults.size() < MOST) {
      faults.add(what);
    }
  }

  private List<String> journal(String object) {
    return journals.getOrDefault(object, List.of());
  }

  // ---- what is there

  private void journals() {
    Map<String, Call> appends = new HashMap<>();
    for (Call call : calls) {
      if (call.append()) {
        appends.put(call.line(), call);
      }
    }
    journals.forEach(
        (object, lines) -> {
          long index = 0;
          for (String line : lines) {
            index++;
            Call call = appends.get(line);
            if (call == null || !call.object().equals(object)) {
              fault("line " + index + " of " + object + " is " + line + ", which nobody appended");
            }
            Long before = places.putIfAbsent(line, index);
            if (before != null) {
              fault(line + " is there twice: line " + before + " and " + index + " of " + object);
            }
          }
        });
  }

  // ---- each stub

  private void stub(List<Call> unordered) {
    List<Call> own = unordered.stream().sorted(comparingInt(Call::number)).toList();
    long last = 0;
    Call missing = null;
    Call before = null;
    for (Call call : own) {
      reason(call);
      if (before != null && rank(call.result()) < rank(before.result())) {
        fault("out of order: " + call + " behind " + before);
      }
      before = call;
      Long place = call.append() ? places.get(call.line()) : null;
      if (call.append()) {
        fate(call, place);
        if (place == null) {
          missing = missing == null ? call : missing;
        } else if (missing != null) {
          fault("line " + place + " is there, and not what was sent before it: " + missing);
        } else if (place <= last) {
          fault("line " + place + " should stand behind line " + last + ": " + call);
        }
      }
      Long shown = shown(call);
      if (shown != null && shown < last) {
        fault("shows " + shown + " lines, its stub knew of " + last + ": " + call);
      }
      last = Math.max(last, place != null ? place : shown != null ? shown : 0);
    }
  }

  private void reason(Call call) {
    if (call.result() instanceof Failed failed) {
      boolean lost = LOST.contains(failed.reason());
      if (!lost && !TOLD.contains(failed.reason())) {
        fault("a fault that nothing accounts for: " + call);
      }
      if (failed.fate() == Fate.UNKNOWN && !lost) {
        fault("unknown, though the host said why the stub broke: " + call);
      }
    }
  }

  private void fate(Call call, @Nullable Long place) {
    switch (call.result()) {
      case Appended(long index) -> {
        if (place == null) {
          fault("answered, and not there: " + call);
        } else if (place != index) {
          fault("answered, and there as line " + place + ": " + call);
        }
      }
      case Lines lines -> fault("an append that was answered as a read: " + call);
      case Failed failed -> {
        if (failed.fate() == Fate.NOT_EXECUTED && place != null) {
          fault("not executed, and there as line " + place + ": " + call);
        }
        if (failed.fate() == Fate.COMPLETED && place == null) {
          fault("completed, and not there: " + call);
        }
      }
    }
  }

  private static int rank(Result result) {
    return switch (result) {
      case Appended appended -> 0;
      case Lines lines -> 0;
      case Failed failed ->
          switch (failed.fate()) {
            case COMPLETED -> 1;
            case UNKNOWN -> 2;
            case NOT_EXECUTED -> 3;
          };
    };
  }

  /** How many lines there were, says a read that was answered. */
  private @Nullable Long shown(Call call) {
    if (!(call.result() instanceof Lines(long from, List<String> lines))) {
      return null;
    }
    List<String> all = journal(call.object());
    long to = from - 1 + lines.size();
    if (!lines.isEmpty()
        && (to > all.size() || !all.subList((int) from - 1, (int) to).equals(lines))) {
      fault("shows what isn't there: " + call);
    }
    return lines.size() < PAGE_LINES ? to : null;
  }

  // ---- all together

  /** A call that took effect: what was there behind it, and when it can have been. */
  private record Effect(Call call, boolean append, long length, long began, long ended) {}

  private void linear(List<Call> own) {
    List<Effect> effects = new ArrayList<>();
    for (Call call : own) {
      Long place = call.append() ? places.get(call.line()) : shown(call);
      if (place != null) {
        boolean open = call.result() instanceof Failed failed && failed.fate() == Fate.UNKNOWN;
        effects.add(
            new Effect(
                call, call.append(), place, call.began(), open ? Long.MAX_VALUE : call.ended()));
      }
    }
    effects.sort(comparingLong(Effect::began));
    PriorityQueue<Effect> running = new PriorityQueue<>(comparingLong(Effect::ended));
    Effect longest = null; // Of those that had ended.
    for (Effect effect : effects) {
      for (Effect next = running.peek();
          next != null && next.ended() < effect.began();
          next = running.peek()) {
        running.remove();
        longest = longest == null || next.length() > longest.length() ? next : longest;
      }
      if (longest != null
          && (effect.append()
              ? effect.length() <= longest.length()
              : effect.length() < longest.length())) {
        fault(
            "stands at %d, and began after something at %d had ended: %s, and %s"
                .formatted(effect.length(), longest.length(), effect.call(), longest.call()));
      }
      running.add(effect);
    }
  }
}
