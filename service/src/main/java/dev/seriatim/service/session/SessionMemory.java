package dev.seriatim.service.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the outcomes of all sessions take in memory that their clients have not acknowledged, and
 * what is known of idempotency keys. Over its limit, those whose clients have been away for longest
 * lose theirs. Safe for any number of threads; no record calls it holding its own lock, but to
 * count.
 */
public final class SessionMemory {
  private final long limit;
  private final AtomicLong bytes = new AtomicLong();

  /** Records without a connection, those that are so for longest first. */
  @GuardedBy("this")
  private final Set<SessionRecord> away = new LinkedHashSet<>();

  public SessionMemory(long limit) {
    this.limit = limit;
  }

  /** Counts so much more, or less. Called holding a record's lock. */
  void add(long change) {
    long _ = bytes.addAndGet(change);
  }

  /** Counts so much more if it fits, for what can be done without. */
  public boolean tryAdd(long more) {
    if (bytes.get() + more > limit) {
      return false;
    }
    add(more);
    return true;
  }

  /** What was counted by {@link #tryAdd} is let go. */
  public void release(long less) {
    add(-less);
  }

  public long bytes() {
    return bytes.get();
  }

  boolean isFull() {
    return bytes.get() >= limit;
  }

  /** The client of this session is away. */
  void isAway(SessionRecord record) {
    synchronized (this) {
      away.add(record);
    }
    makeRoom();
  }

  /** It isn't any more, or nobody can ask for it. */
  synchronized void isBack(SessionRecord record) {
    away.remove(record);
  }

  private void makeRoom() {
    while (isFull()) {
      SessionRecord eldest;
      synchronized (this) {
        Iterator<SessionRecord> records = away.iterator();
        if (!records.hasNext()) {
          return;
        }
        eldest = records.next();
        records.remove();
      }
      eldest.forget();
    }
  }
}
