package dev.seriatim.service.storage;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Offers alarms to the listener when they are due: the thread, the clock and the lock around an
 * {@link AlarmIndex}, which decides. Its methods may be called by any thread, and don't block.
 *
 * <p>An alarm that was offered is on its way until it is answered: it is set anew or removed, which
 * is durable then; it is lost with a commit; or it is put off. Each offer gets one of these answers
 * from the object's storage.
 */
final class AlarmScheduler implements AutoCloseable {
  /** After a failure that nobody expects, this long until alarms are looked at again. */
  private static final long AGAIN_MILLIS = 1_000;

  private static final Logger LOGGER = LoggerFactory.getLogger(AlarmScheduler.class);

  /** How often the system's clock is looked at, in case it was set. */
  private static final long LOOK_MILLIS = 1_000;

  /** How often any other clock is looked at: it may be a test's, which leaps when the test says. */
  private static final long LOOK_AT_OTHER_MILLIS = 20;

  /**
   * How often alarms of namespaces that aren't served are looked for at most. Slots may come and go
   * some hundred times in a row, and to look is to count all alarms.
   */
  private static final long LOOK_FOR_OTHERS_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);

  /** Where the alarms are kept. */
  interface Source {
    /**
     * The next alarms of a namespace in due order, of the objects that this host owns, from behind
     * a place on.
     *
     * @param limit how many are read at most
     */
    AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit) throws SQLException;

    /** How many alarms the namespaces have that are none of these, as far as they have any. */
    Map<String, Long> alarmsOfOthers(Set<String> namespaces) throws SQLException;
  }

  private final Source source;
  private final InstantSource clock;
  private final long lookMillis;
  private final int capacity;
  private final int maxOutstanding;
  private final int maxLong;

  /** Null until the start. */
  @GuardedBy("this")
  private @Nullable AlarmIndex index;

  @GuardedBy("this")
  private @Nullable Thread thread;

  @GuardedBy("this")
  private boolean closed;

  /** Whether there may be alarms of namespaces that aren't served, and weren't told of. */
  @GuardedBy("this")
  private boolean othersUnknown = true;

  /** When they were looked for last; null if never. */
  @GuardedBy("this")
  private @Nullable Long lookedForOthers;

  /** Whether the thread rests until others are answered. */
  @GuardedBy("this")
  private boolean restsForRoom;

  /** How many wait until nothing is due. */
  @GuardedBy("this")
  private int followers;

  AlarmScheduler(
      Source source, InstantSource clock, int capacity, int maxOutstanding, int maxLong) {
    Preconditions.checkArgument(
        capacity > maxOutstanding,
        "alarmIndexSize %s, expected more than maxOutstandingAlarms %s",
        capacity,
        maxOutstanding);
    this.source = source;
    this.clock = clock;
    this.lookMillis = clock.equals(InstantSource.system()) ? LOOK_MILLIS : LOOK_AT_OTHER_MILLIS;
    this.capacity = capacity;
    this.maxOutstanding = maxOutstanding;
    this.maxLong = maxLong;
  }

  /** Begins to offer the alarms of these namespaces. */
  synchronized void start(Set<String> namespaces, AlarmListener listener) {
    Preconditions.checkState(thread == null, "alarms were started already");
    Preconditions.checkState(!closed, "alarms were stopped already");
    AlarmIndex made = new AlarmIndex(namespaces, capacity, maxOutstanding, maxLong);
    index = made;
    Set<String> served = Set.copyOf(namespaces);
    Thread started = Enduring.thread("seriatim-alarms", () -> work(made, served, listener));
    started.start();
    thread = started;
  }

  // ---- what becomes of alarms

  /** This alarm is durable, in place of the one that the object had before. */
  synchronized void set(DueAlarm alarm) {
    if (index != null && (index.set(alarm) || restsForRoom || followers > 0)) {
      notifyAll();
    }
  }

  /** It is durable that this object has no alarm. */
  synchronized void removed(ObjectKey key) {
    if (index != null) {
      index.removed(key);
      if (restsForRoom || followers > 0) {
        notifyAll();
      }
    }
  }

  /** What was known of this object's alarm doesn't hold any more; the store knows. */
  synchronized void lost(ObjectKey key) {
    if (index != null) {
      index.lost(key, System.nanoTime());
      notifyAll();
    }
  }

  /**
   * This object's alarm could not run, which is none of its tries: it stays in the store as it is,
   * and is offered again later. Logs the first one of the namespace after all had been well, and
   * leaves the others to be found at a finer level.
   *
   * @param name the object's, for the log, if it is known
   * @param why for the log
   */
  synchronized void putOff(
      ObjectKey key, @Nullable String name, String why, @Nullable Throwable cause) {
    boolean first = false;
    if (index != null) {
      first = index.putOff(key, System.nanoTime());
      notifyAll();
    }
    key.logEvent(LOGGER, first ? Level.WARN : Level.DEBUG, name)
        .addKeyValue("method", Alarm.METHOD)
        .setCause(cause)
        .log(
            "the alarm can't run: {}; it stays in the store and is tried again, and others of the"
                + " namespace likewise",
            why);
  }

  /** This host owns other objects than before. */
  synchronized void ownershipChanged() {
    if (index != null) {
      othersUnknown = true;
      index.ownershipChanged();
      notifyAll();
    }
  }

  /** No alarm is offered from now on. */
  synchronized void stop() {
    closed = true;
    notifyAll();
  }

  /** Stops, and waits until the thread has ended. */
  @Override
  public void close() {
    stop();
    Thread running;
    synchronized (this) {
      running = thread;
    }
    if (running == null || running == Thread.currentThread()) {
      return;
    }
    try {
      running.join(CLOSE_PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- for whoever sets the clock

  /** The clock was set. */
  synchronized void clockChanged() {
    notifyAll();
  }

  /** As {@link StorageEngine#awaitNoneDue}. */
  synchronized long awaitNoneDue(Duration limit) throws InterruptedException, TimeoutException {
    long begun = System.nanoTime();
    followers++;
    try {
      while (index != null && !closed) {
        long next = index.nextDue(clock.millis(), System.nanoTime());
        if (next != AlarmIndex.NOW) {
          return next;
        }
        if (System.nanoTime() - begun > limit.toNanos()) {
          throw new TimeoutException(
              index.outstanding() + " have not ended within " + limit.toMillis() + " ms");
        }
        wait(LOOK_AT_OTHER_MILLIS);
      }
      return Long.MAX_VALUE;
    } finally {
      followers--;
    }
  }

  // ---- the thread

  private void work(AlarmIndex mine, Set<String> served, AlarmListener listener) {
    Set<String> told = new HashSet<>(served);
    while (true) {
      try {
        workUntilClosed(mine, told, listener);
        return;
      } catch (RuntimeException | Error e) { // The clock's, say. Alarms must not stop for ever.
        LOGGER.warn("alarms can't be looked at; they will be", e);
        restAfterFailure();
      }
    }
  }

  @SuppressWarnings("WaitNotInLoop") // the caller looks again
  private synchronized void restAfterFailure() {
    try {
      wait(AGAIN_MILLIS);
    } catch (InterruptedException e) {
      LOGGER.warn("the alarm thread was interrupted; it goes on");
    }
  }

  private void workUntilClosed(AlarmIndex mine, Set<String> told, AlarmListener listener) {
    while (true) {
      AlarmIndex.Step step;
      AlarmPlace after = AlarmPlace.START;
      if (mustLookForOthers()) {
        tellOfOthers(told);
      }
      synchronized (this) {
        if (closed) {
          return;
        }
        step = mine.next(clock.millis(), System.nanoTime());
        switch (step) {
          case AlarmIndex.Rest rest -> rest(rest);
          case AlarmIndex.Read read -> after = read.near().beginRead();
          case AlarmIndex.Offer offer -> {}
        }
      }
      switch (step) {
        case AlarmIndex.Rest rest -> {}
        case AlarmIndex.Read read -> read(mine, read.near(), after);
        case AlarmIndex.Offer offer -> offer(listener, offer.alarm());
      }
    }
  }

  private synchronized boolean mustLookForOthers() {
    long now = System.nanoTime();
    boolean must =
        othersUnknown
            && (lookedForOthers == null || now - lookedForOthers >= LOOK_FOR_OTHERS_NANOS);
    if (must) {
      othersUnknown = false;
      lookedForOthers = now;
    }
    return must;
  }

  @GuardedBy("this")
  @SuppressWarnings("WaitNotInLoop") // the caller looks again
  private void rest(AlarmIndex.Rest rest) {
    restsForRoom = rest.forRoom();
    try {
      wait(Math.clamp(rest.millis(), 1, lookMillis));
    } catch (InterruptedException e) {
      LOGGER.warn("the alarm thread was interrupted; it goes on");
    }
    restsForRoom = false;
  }

  private void offer(AlarmListener listener, DueAlarm alarm) {
    try {
      listener.alarmDue(
          alarm.key().namespace(),
          alarm.key().hexId(),
          alarm.name(),
          Instant.ofEpochMilli(alarm.dueMillis()));
    } catch (RuntimeException | Error e) { // Memory may be short. The others must go on.
      putOff(alarm.key(), alarm.name(), "it was refused", e);
    }
  }

  private void read(AlarmIndex mine, NearAlarms of, AlarmPlace after) {
    AlarmPage page;
    try {
      page = source.nearestAlarms(of.namespace(), after, of.capacity());
    } catch (SQLException | RuntimeException | Error e) {
      boolean first;
      synchronized (this) {
        first = mine.readFailed(of, System.nanoTime());
      }
      LOGGER
          .atLevel(first ? Level.WARN : Level.DEBUG)
          .log("the alarms could not be read, and are read again until they can: {}", e.toString());
      return;
    }
    synchronized (this) {
      mine.read(of, page);
      if (followers > 0) {
        notifyAll();
      }
    }
  }

  /** Alarms of namespaces that this host doesn't serve are shown once, and left alone. */
  private void tellOfOthers(Set<String> told) {
    try {
      source
          .alarmsOfOthers(told)
          .forEach(
              (namespace, alarms) -> {
                told.add(namespace);
                LOGGER.warn(
                    "{} alarms of namespace {} can't run here: no such namespace; they stay in"
                        + " the store",
                    alarms,
                    namespace);
              });
    } catch (SQLException | RuntimeException e) {
      LOGGER.warn(
          "alarms of namespaces that aren't served could not be looked for: {}", e.toString());
    }
  }
}
