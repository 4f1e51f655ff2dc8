package dev.seriatim.service.storage;

import dev.seriatim.service.HostListener;
import dev.seriatim.service.HostListener.StoreEvent;
import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says to the log and to the host's listener what the committer meets: the store goes away and
 * comes back, groups are committed or fail. The committer's, but for what says otherwise.
 */
final class StoreNews {
  private static final Logger LOGGER = LoggerFactory.getLogger(StoreNews.class);

  private final JdbcStore store;
  private final String kind;
  private final Outage outage;
  private final FailureLog failures = new FailureLog();

  // Written by any thread, before the host starts; and by the committer's, for others to see.
  private volatile HostListener listener = new HostListener() {};
  private volatile boolean away;

  StoreNews(JdbcStore store, String kind, Outage outage) {
    this.store = store;
    this.kind = kind;
    this.outage = outage;
  }

  /** Any thread, before the host starts. */
  void listen(HostListener told) {
    listener = told;
  }

  /** Any thread. */
  boolean isAway() {
    return away;
  }

  /** A try that began then has found the store away. */
  void away(SQLException failure, long began) {
    if (outage.found(began, System.nanoTime(), failure)) {
      away = true;
      tell(() -> listener.store(new StoreEvent(true, Duration.ZERO)));
      LOGGER.warn("the store {} is away: {}", store, failure.getMessage());
    }
  }

  /** The store has answered. */
  void back() {
    if (outage.isAway()) {
      Duration lasted = outage.lasted(System.nanoTime());
      LOGGER.info("the store {} is back after {} ms", store, lasted.toMillis());
      away = false;
      tell(() -> listener.store(new StoreEvent(false, lasted)));
      outage.over();
    }
  }

  /** A group is durable, and its objects know it. */
  void committed(CommitGroup group) {
    long tookNanos = System.nanoTime() - group.began;
    tell(() -> CommittedGroup.tell(listener, group.batches, kind, tookNanos));
  }

  /** A group has failed, though the store isn't away. */
  void failed(SQLException failure) {
    String what = failure.getSQLState() + " " + failure.getErrorCode();
    if (!failures.isNews(what, System.nanoTime())) {
      LOGGER.debug("a group of commits failed", failure);
    } else if (store.isFull(failure)) {
      LOGGER.error(
          "{} is full: commits fail until there is room ({})", store, failure.getMessage());
    } else {
      LOGGER.error("a group of commits failed", failure);
    }
  }

  private static void tell(Runnable news) {
    try {
      news.run();
    } catch (RuntimeException | Error e) { // The next news is told.
      Enduring.log("what tells of the store", e);
    }
  }
}
