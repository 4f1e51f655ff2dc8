package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.Alarm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What all probes of one host share: their gates, and the evidence, which outlives the instances
 * that it is about. Safe for any number of threads.
 */
final class ProbeWorld {
  private final Map<String, Gate> gates = new ConcurrentHashMap<>();
  private final Map<String, Evidence> evidence = new ConcurrentHashMap<>();
  private final Map<String, Boolean> startedBefore = new ConcurrentHashMap<>();

  Gate gate(String name) {
    return gates.computeIfAbsent(name, _ -> new Gate());
  }

  Evidence evidence(String objectId) {
    return evidence.computeIfAbsent(objectId, _ -> new Evidence());
  }

  /** Whether this is the first attempt to make an instance of this object. */
  boolean isFirstStart(String objectId) {
    return startedBefore.put(objectId, true) == null;
  }

  /** Closed until it is released, and open for ever after. */
  static final class Gate {
    private final CompletableFuture<Void> released = new CompletableFuture<>();

    /** Guarded by this. */
    private int arrivals;

    /** Guarded by this. */
    private final List<Waiter> waiters = new ArrayList<>();

    private record Waiter(int arrivals, CompletableFuture<Void> enough) {}

    void release() {
      released.complete(null);
    }

    /** Done when the gate is open. */
    CompletableFuture<Void> released() {
      return released;
    }

    void arrive() {
      List<Waiter> done;
      synchronized (this) {
        arrivals++;
        done = waiters.stream().filter(waiter -> waiter.arrivals() <= arrivals).toList();
        waiters.removeAll(done);
      }
      done.forEach(waiter -> waiter.enough().complete(null));
    }

    /** Done when so many turns have arrived. */
    synchronized CompletableFuture<Void> arrived(int count) {
      if (arrivals >= count) {
        return CompletableFuture.completedFuture(null);
      }
      Waiter waiter = new Waiter(count, new CompletableFuture<>());
      waiters.add(waiter);
      return waiter.enough();
    }
  }

  /** What was observed of one object. */
  static final class Evidence {
    /** Guarded by itself. */
    private final List<String> marks = new ArrayList<>();

    private final AtomicLong overlaps = new AtomicLong();
    private final AtomicLong instances = new AtomicLong();
    private final AtomicLong lateWritesRefused = new AtomicLong();
    private final AtomicLong lateWritesLetThrough = new AtomicLong();

    /** Guarded by this. */
    private Alarm alarm = Alarm.getDefaultInstance();

    /** Guarded by this. */
    private int alarmRuns;

    /** Appends a mark, unless it is empty; gives the length of the journal. */
    int mark(String mark) {
      synchronized (marks) {
        if (!mark.isEmpty()) {
          marks.add(mark);
        }
        return marks.size();
      }
    }

    List<String> marks() {
      synchronized (marks) {
        return List.copyOf(marks);
      }
    }

    void overlapped() {
      overlaps.incrementAndGet();
    }

    long overlaps() {
      return overlaps.get();
    }

    /** Counts a write that came when its turn was over. */
    void lateWrite(boolean refused) {
      (refused ? lateWritesRefused : lateWritesLetThrough).incrementAndGet();
    }

    long lateWritesRefused() {
      return lateWritesRefused.get();
    }

    long lateWritesLetThrough() {
      return lateWritesLetThrough.get();
    }

    /** Says what the alarm is to do from now on. */
    synchronized void setAlarm(Alarm alarm) {
      this.alarm = alarm;
      alarmRuns = 0;
    }

    /** Counts a run of the alarm. */
    synchronized AlarmRun newAlarmRun() {
      return new AlarmRun(alarm, ++alarmRuns);
    }

    /**
     * One run of an alarm.
     *
     * @param number 1 for the first run since the alarm was set
     */
    record AlarmRun(Alarm alarm, int number) {}

    /** Counts a new instance; gives its number. */
    long newInstance() {
      return instances.incrementAndGet();
    }

    long instances() {
      return instances.get();
    }
  }
}
