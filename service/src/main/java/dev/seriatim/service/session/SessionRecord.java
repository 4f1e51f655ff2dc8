package dev.seriatim.service.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.seriatim.service.SessionLimits;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a host remembers of one session of an object: through which number it has completed, the
 * outcomes that its client has not acknowledged, and its break. It outlives the connections of the
 * session, each of which is a {@link Session} of its own.
 *
 * <p>Decides, and has no thread. The thread that has the object writes it, but for what its client
 * acknowledges; the committer reads it. All hold this.
 *
 * <p>It is true as long as memory and store agree: as long as the {@link #life} lasts in which its
 * last turn ended. When commits are lost, or the object changes hands, what the store has counts.
 */
public final class SessionRecord {
  /** How much a client may be sent that it need not acknowledge before it sends something else. */
  private static final int UNASKED_BYTES = 2 * (64 << 10);

  private static final int UNASKED_OUTCOMES = 2 * 256;

  private final ByteString id;
  private final SessionLimits limits;
  private final SessionMemory memory;

  @GuardedBy("this")
  private int life;

  @GuardedBy("this")
  private long connection;

  /** Every outcome up to here was acknowledged. */
  @GuardedBy("this")
  private long acknowledged;

  /** The number of the last invocation that completed. */
  @GuardedBy("this")
  private long completed;

  /** The number of the last outcome that was given to what carries the stub. */
  @GuardedBy("this")
  private long sent;

  /** Outcomes from acknowledged + 1 on. */
  @GuardedBy("this")
  private final Unacknowledged outcomes;

  /** Whether so much is not acknowledged that no turn may begin. Written holding this. */
  private volatile boolean full;

  /** Whether it is more than a client may leave unacknowledged. Written holding this. */
  private volatile boolean much;

  @GuardedBy("this")
  private @Nullable Broken broken;

  /** The commit that has to be durable before the break is told. */
  @GuardedBy("this")
  private long brokenGate;

  /** Whether the store may have a row of it. */
  @GuardedBy("this")
  private boolean stored;

  /** Whether outcomes were dropped, for want of room, while the client was away. */
  @GuardedBy("this")
  private boolean forgotten;

  /** The connection that there is; null while the client is away. */
  @GuardedBy("this")
  private @Nullable Session attached;

  /** Since when the client is away, on the host's ticker. */
  @GuardedBy("this")
  private long awaySinceNanos;

  /**
   * What the store is told.
   *
   * @param frame a {@code ConnectResponse}
   */
  public record Snapshot(long connection, long completed, ByteString frame) {}

  /** What a new connection is told first. Outcomes behind their gates, then the break. */
  record Replay(
      long completed,
      List<Outcome> outcomes,
      List<Long> gates,
      @Nullable Broken broken,
      long brokenGate) {}

  /** The record of a session that nobody knows, whose client has had so many outcomes. */
  public SessionRecord(ByteString id, SessionHost host, long answeredThrough) {
    this.id = id;
    this.limits = host.limits().sessions();
    this.memory = host.sessionMemory();
    this.outcomes = new Unacknowledged(memory);
    this.acknowledged = answeredThrough;
    this.completed = answeredThrough;
  }

  /**
   * The record that the store has.
   *
   * @param through the last number that had completed
   * @param outcomes those that were not acknowledged, in order
   */
  public static SessionRecord stored(
      ByteString id,
      SessionHost host,
      long through,
      List<Outcome> outcomes,
      @Nullable Broken broken) {
    SessionRecord record =
        new SessionRecord(
            id, host, outcomes.isEmpty() ? through : outcomes.getFirst().sequence() - 1);
    synchronized (record) {
      record.stored = true;
      for (Outcome outcome : outcomes) {
        record.outcomes.add(outcome, 0);
      }
      record.completed = through;
      record.broken = broken;
    }
    return record;
  }

  public ByteString id() {
    return id;
  }

  // ---- connections, by whoever has the object

  /** The number of the last connection. */
  public synchronized long connection() {
    return connection;
  }

  /** Whether it is true in this life of the object, and has all outcomes. */
  public synchronized boolean isWhole(int currentLife) {
    return life == currentLife && !forgotten;
  }

  /** Whether it is true in this life, and yet it may lack outcomes behind this number. */
  public synchronized boolean lacksBehind(int currentLife, long through) {
    return life == currentLife && forgotten && through < completed;
  }

  /** Up to which number outcomes were acknowledged, and may be forgotten. */
  public synchronized long acknowledged() {
    return acknowledged;
  }

  /** The connection that there is; null while the client is away. */
  public synchronized @Nullable Session attached() {
    return attached;
  }

  /** Whether the client has been away since before that time. */
  public synchronized boolean isAwaySince(long nanos) {
    return attached == null && awaySinceNanos - nanos < 0;
  }

  /**
   * A new connection is served from now on. The one before must have been superseded.
   *
   * @param answeredThrough up to where its client has outcomes; at least what is acknowledged
   */
  public void attach(Session session, long number, long answeredThrough, int currentLife) {
    synchronized (this) {
      attached = session;
      connection = number;
      life = currentLife;
      acknowledgeTo(answeredThrough);
      completed = Math.max(completed, answeredThrough);
      sent = answeredThrough;
      measure();
    }
    memory.isBack(this);
  }

  /** This connection has ended. Any thread. */
  void detached(Session session, long nowNanos) {
    synchronized (this) {
      if (attached != session) {
        return;
      }
      attached = null;
      awaySinceNanos = nowNanos;
    }
    memory.isAway(this);
  }

  /** The object goes from memory, and this with it; or the session has ended. */
  public void dropped() {
    synchronized (this) {
      attached = null;
      outcomes.clear();
    }
    memory.isBack(this);
  }

  /** There is no room for what nobody may ever ask for. Any thread. */
  synchronized void forget() {
    if (attached == null && !outcomes.hasPrepared() && !outcomes.isEmpty()) {
      forgotten = true;
      outcomes.clear();
    }
  }

  /** What a connection is told that has just been attached. */
  synchronized Replay replay() {
    return new Replay(
        completed, outcomes.through(Long.MAX_VALUE), outcomes.gates(), broken, brokenGate);
  }

  // ---- turns, by whoever has the object

  /**
   * A turn has ended well, and what it wrote is about to be submitted: from now on the store can be
   * told of it.
   */
  public synchronized void prepare(Outcome outcome) {
    outcomes.prepare(OutcomeLine.compact(outcome));
  }

  /** What was prepared came to nothing. */
  public synchronized void withdraw() {
    outcomes.withdraw();
  }

  /**
   * What was prepared is submitted.
   *
   * @param commit what its outcome waits for
   * @param ofLife the object's life, as it was before
   */
  public synchronized void completed(long commit, int ofLife) {
    Outcome done = outcomes.submitted(commit);
    if (done != null) {
      completed = done.sequence();
      life = ofLife;
      measure();
    }
  }

  /**
   * A turn has ended well, and the store need not be told of it.
   *
   * @param commit what its outcome waits for
   * @param ofLife the object's life, as it was before
   */
  public synchronized void completed(Outcome outcome, long commit, int ofLife) {
    outcomes.add(OutcomeLine.compact(outcome), commit);
    completed = outcome.sequence();
    life = ofLife;
    stored = true; // As soon as the object goes from memory.
    measure();
  }

  /** The stub breaks for good. Gives false if it is broken already. */
  synchronized boolean broke(BreakCause cause) {
    if (broken != null) {
      return false;
    }
    broken = cause.toBroken(completed);
    return true;
  }

  /** What the break waits for. */
  synchronized void brokenBehind(long commit) {
    brokenGate = commit;
  }

  public synchronized boolean isStored() {
    return stored;
  }

  /** The store is about to be told of it, or to forget it. */
  public synchronized void isStored(boolean now) {
    stored = now;
  }

  /** Whether its client has every outcome, so that there is nothing to remember. */
  public synchronized boolean isAcknowledged() {
    return acknowledged == completed && broken == null;
  }

  /** What the store is to have. Asked by the committer. */
  public synchronized Snapshot snapshot(long through, boolean withBreak) {
    return new Snapshot(
        connection,
        Math.max(through, acknowledged),
        ByteString.copyFrom(
            ResponseEncoder.encode(outcomes.through(through), withBreak ? broken : null).bytes()));
  }

  /** The number of the last invocation that completed. */
  public synchronized long completed() {
    return completed;
  }

  // ---- what was sent, and what has arrived

  /** An outcome was given to what carries the stub. */
  synchronized void sent(long sequence) {
    sent = Math.max(sent, sequence);
  }

  /**
   * The client has every outcome up to this number.
   *
   * @return why that can't be, or null
   */
  synchronized @Nullable BreakCause acknowledge(long through) {
    if (Long.compareUnsigned(through, sent) > 0) {
      return BreakCause.of(
          BreakReason.PROTOCOL_VIOLATION,
          "acknowledged_through %s, expected at most %s, which is the last outcome that was sent"
              .formatted(Long.toUnsignedString(through), Long.toUnsignedString(sent)));
    }
    acknowledgeTo(through);
    return null;
  }

  @GuardedBy("this")
  private void acknowledgeTo(long through) {
    if (through <= acknowledged) {
      return;
    }
    acknowledged = through;
    outcomes.dropThrough(through);
    measure();
  }

  /** Whether so much is not acknowledged that no turn may begin. */
  boolean isFull() {
    return full || (much && memory.isFull());
  }

  @GuardedBy("this")
  private void measure() {
    long count = completed - acknowledged;
    boolean isFull =
        count > 0
            && (count >= limits.maxUnacknowledgedOutcomes()
                || outcomes.wireBytes() >= limits.maxUnacknowledgedBytes());
    if (isFull != full) {
      full = isFull;
    }
    boolean isMuch = count >= UNASKED_OUTCOMES || outcomes.wireBytes() >= UNASKED_BYTES;
    if (isMuch != much) {
      much = isMuch;
    }
  }

  @Override
  public synchronized String toString() {
    return "a session at " + completed + ", acknowledged " + acknowledged;
  }
}
