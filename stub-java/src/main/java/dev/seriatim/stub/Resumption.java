package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import dev.seriatim.v1.OpenedSession;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a stub knows of its session that outlives its gRPC calls, its <i>connections</i>: which
 * number the next one has, whether calls may leave on the one that there is, where the host stands,
 * what it is to be told, when to try again, and when to give up.
 *
 * <p>It decides and does nothing. It has no thread and no lock, and its clock is given to it. The
 * {@link Ledger} has it, under the {@link Session}'s lock; {@link Connections} does what it says.
 */
final class Resumption {
  /** That the stub is not to be resumed. */
  static final long GIVE_UP = -1;

  /** That it is to be resumed when it is called again. */
  static final long NOT_YET = Long.MAX_VALUE;

  /** After so many outcomes or bytes of them the host is told that they have been received. */
  static final int ACKNOWLEDGED_OUTCOMES = 256;

  static final int ACKNOWLEDGED_BYTES = 64 << 10;

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private enum State {
    /** On its first connection, and it isn't known yet whether the host takes part. */
    FIRST,
    /** The host does not: a stub like any other. */
    ORDINARY,
    /** Calls leave, and outcomes come. */
    OPEN,
    /** The host has broken this connection, and is about to end it. */
    ENDING,
    /** Without a connection. */
    AWAY,
    /** On a later connection, which the host has not opened yet. */
    RESUMING
  }

  private final ResumeOptions options;
  private final LongSupplier clock;
  private final Unanswered unanswered = new Unanswered();
  private State state = State.FIRST;
  private int connection; // The number of the last one.
  private boolean frameOwed; // That one has not been sent its first frame.
  private boolean wasOpened; // The host has opened it, and takes part.
  private boolean progressed; // There was an outcome on it.
  private long openedAt;

  // What the host is told.
  private long acknowledged;
  private int receivedOutcomes; // Since then.
  private int receivedBytes;

  // What the host has told.
  private long retentionNanos = Long.MAX_VALUE;
  private boolean hadNoEffect; // Whatever was sent and not answered.

  // The outage, if there is one.
  private boolean isLost; // And missed.
  private boolean isIdle; // It isn't missed.
  private long lostAt;
  private int losses; // In a row, without progress.
  private int resumesWithoutProgress;
  private @Nullable FailureCause cause; // Why the last connection was lost,
  private @Nullable FailureCause because; // and why this one is about to be.
  private long suspectedAt = -1; // How many calls were answered when the host was last silent.

  Resumption(ResumeOptions options, LongSupplier clock) {
    this.options = options;
    this.clock = clock;
  }

  // ---- what may be sent ------------------------------------------------------------------------

  /** Whether calls may leave. */
  boolean maySend() {
    return state == State.OPEN || state == State.FIRST || state == State.ORDINARY;
  }

  /** Whether a frame without calls is to be sent, when no other can be. */
  boolean owesFrame(long answered, boolean finished) {
    if (state == State.RESUMING) {
      return frameOwed;
    }
    return state == State.OPEN
        && answered > acknowledged
        && (finished
            || receivedOutcomes >= ACKNOWLEDGED_OUTCOMES
            || receivedBytes >= ACKNOWLEDGED_BYTES);
  }

  /** Whether nothing is left to be said but that nothing more comes. */
  boolean mayHalfClose(long answered, long last) {
    return state == State.ORDINARY
        || (state == State.OPEN && answered == last && acknowledged == answered);
  }

  /**
   * A frame is sent, with the calls up to this number, or with none.
   *
   * @return what it acknowledges
   */
  long send(long last, boolean hasCalls, long answered) {
    frameOwed = false;
    if (hasCalls) {
      if (unanswered.asksForTime(last)) {
        unanswered.sent(last, clock.getAsLong());
      } else {
        unanswered.sent(last);
      }
    }
    if (state == State.ORDINARY) {
      return 0;
    }
    acknowledged = answered;
    receivedOutcomes = 0;
    receivedBytes = 0;
    return answered;
  }

  /** Outcomes have come, the last of them with this number. */
  void received(long answered, int outcomes, int bytes) {
    unanswered.answered(answered);
    receivedOutcomes += outcomes;
    receivedBytes = (int) Math.min((long) receivedBytes + bytes, Integer.MAX_VALUE);
    if (outcomes > 0) {
      progressed = true;
      losses = 0;
      resumesWithoutProgress = 0;
    }
  }

  // ---- the connections -------------------------------------------------------------------------

  /** Whether the host takes part, as far as is known. */
  boolean isResumable() {
    return state != State.ORDINARY;
  }

  /** Whether there is no connection on which the host could say anything of a call. */
  boolean isSuspended() {
    return !maySend();
  }

  /** Whether there is no connection at all. */
  boolean isAway() {
    return state == State.AWAY;
  }

  boolean isEnding() {
    return state == State.ENDING;
  }

  /** Whether a frame was sent on this connection, if it is a later one. */
  boolean isOpening() {
    return state == State.RESUMING && !frameOwed;
  }

  /** The next connection begins: what its {@code open} says of the session. */
  dev.seriatim.v1.Session next(ByteString id, long answered) {
    connection++;
    state = connection == 1 ? State.FIRST : State.RESUMING;
    frameOwed = true;
    wasOpened = false;
    progressed = false;
    because = null;
    dev.seriatim.v1.Session.Builder session =
        dev.seriatim.v1.Session.newBuilder()
            .setId(id)
            .setConnection(connection)
            .setAnsweredThrough(answered);
    if (unanswered.isThere()) {
      long age = Math.max(0, unanswered.age(clock.getAsLong()));
      session.setUnansweredFor(
          Duration.newBuilder()
              .setSeconds(age / NANOS_PER_SECOND)
              .setNanos((int) (age % NANOS_PER_SECOND)));
    }
    return session.build();
  }

  /** Nothing of this connection has reached anyone, and it begins again. */
  void beginAgain() {
    frameOwed = true;
  }

  /** Whether this is the first connection. */
  boolean isFirst() {
    return connection == 1;
  }

  /**
   * The host has opened the connection.
   *
   * @param session what it says of the session, if anything
   * @param sent the last number that was sent on any connection
   * @return the last number that now counts as sent; {@link #GIVE_UP} if the host knows nothing of
   *     the session
   * @throws HostViolationException if the host can't stand where it says
   */
  long opened(@Nullable OpenedSession session, long answered, long sent)
      throws HostViolationException {
    boolean first = isFirst();
    if (session == null) {
      state = first ? State.ORDINARY : state;
      return first ? sent : GIVE_UP;
    }
    long completed = session.getCompletedThrough();
    if (Long.compareUnsigned(completed, answered) < 0
        || Long.compareUnsigned(completed, sent) > 0) {
      throw new HostViolationException(
          "opened with completed_through "
              + Long.toUnsignedString(completed)
              + ", expected at least "
              + answered
              + ", which was answered, and at most "
              + sent
              + ", which was sent");
    }
    retentionNanos = session.hasRetention() ? nanos(session.getRetention()) : Long.MAX_VALUE;
    state = State.OPEN;
    wasOpened = true;
    isLost = false;
    openedAt = clock.getAsLong();
    if (first) {
      return sent;
    }
    hadNoEffect = false;
    return completed;
  }

  private static long nanos(Duration retention) {
    long most = Long.MAX_VALUE / NANOS_PER_SECOND - 1;
    long seconds = Math.min(Math.max(0, retention.getSeconds()), most);
    return seconds * NANOS_PER_SECOND + Math.max(0, retention.getNanos());
  }

  /**
   * The host has broken the connection.
   *
   * @param behindOpened whether it had opened it before
   * @param tellsAll whether nothing that was sent and not answered had an effect
   * @return whether the session goes on; otherwise the stub is broken
   */
  boolean broken(FailureCause told, boolean behindOpened, boolean tellsAll) {
    hadNoEffect |= tellsAll;
    boolean goesOn =
        state != State.ORDINARY && (told.retryable() || (!behindOpened && isSuperseded(told)));
    if (goesOn) {
      because = told;
      state = State.ENDING;
    }
    return goesOn;
  }

  /** Whether the host's break in place of 'opened' tells of the calls that were sent. */
  boolean tellsOfSent(FailureCause told) {
    return isFirst() && !isSuperseded(told); // Else the same frames have come to a host twice.
  }

  private static boolean isSuperseded(FailureCause told) {
    return told.reason().equals(Reasons.SESSION_SUPERSEDED);
  }

  /**
   * The host has said nothing of a deadline: perhaps the connection leads nowhere any more. But a
   * host that is merely slow would be silent on the next one, too.
   *
   * @return whether this connection is to be ended from this side
   */
  boolean isSuspect(FailureCause silence, long answered) {
    if (state != State.OPEN || suspectedAt == answered) {
      return false;
    }
    suspectedAt = answered;
    endBecause(silence);
    return true;
  }

  /** This connection is about to be ended from this side, for this cause. */
  void endBecause(FailureCause why) {
    because = because == null ? why : because;
  }

  // ---- the outage ------------------------------------------------------------------------------

  /**
   * The connection has ended.
   *
   * @param how what is known of that
   * @param pending whether a call waits for its answer
   * @param random at least 0, and below 1
   * @return in how many nanoseconds to begin the next one; or {@link #NOT_YET}, or {@link #GIVE_UP}
   */
  long lost(FailureCause how, boolean pending, double random) {
    boolean wasHeard = wasOpened || because != null;
    FailureCause why = because == null ? how : because;
    long now = clock.getAsLong();
    state = State.AWAY;
    cause = why;
    because = null;
    if (!pending) { // Whatever is lost is not missed before there is another call.
      isIdle = true;
      losses = 1;
      resumesWithoutProgress = 0;
      return NOT_YET;
    }
    miss(now);
    if (wasOpened && now - openedAt >= nanos(options.maxResumeBackoff())) {
      losses = 0;
    }
    countResumes(why);
    if (resumesWithoutProgress >= options.maxResumesWithoutProgress()
        || (!wasHeard && isHopeless(why))
        || untilGivenUp() <= 0) {
      return GIVE_UP;
    }
    long pause = pause(why.overloaded(), random);
    losses++;
    return pause;
  }

  private void miss(long now) {
    if (!isLost) {
      isLost = true;
      lostAt = now;
    }
  }

  /** There is a call again. True if the next connection is to begin, which nobody missed before. */
  boolean wake() {
    if (!isIdle) {
      return false;
    }
    isIdle = false;
    miss(clock.getAsLong());
    return true;
  }

  private void countResumes(FailureCause why) {
    boolean resumed = wasOpened && !isFirst();
    if (!progressed && (resumed || why.tells(Reasons.SESSION_SUPERSEDED))) {
      resumesWithoutProgress++;
    }
  }

  /** Whether whoever refused the call would refuse the next one, too. */
  private static boolean isHopeless(FailureCause why) {
    return switch (why.code()) {
      case UNIMPLEMENTED, UNAUTHENTICATED, PERMISSION_DENIED -> true;
      default -> false;
    };
  }

  private long pause(boolean overloaded, double random) {
    if (losses == 0 && !overloaded) {
      return 0;
    }
    long first = nanos(overloaded ? options.overloadedBackoff() : options.resumeBackoff());
    long longest = Math.max(first, nanos(options.maxResumeBackoff()));
    int doublings = overloaded ? losses : losses - 1;
    long pause = doublings < 62 && first <= longest >> doublings ? first << doublings : longest;
    return pause - (long) (pause / 2.0 * random);
  }

  private static long nanos(java.time.Duration time) {
    return TimeUnit.NANOSECONDS.convert(time);
  }

  /** In how many nanoseconds the stub is given up, as things stand, if it isn't resumed before. */
  long untilGivenUp() {
    long now = clock.getAsLong();
    long left = nanos(options.resumeTimeout()) - (now - lostAt);
    return unanswered.isThere() ? Math.min(left, retentionNanos / 2 - unanswered.age(now)) : left;
  }

  /** What is known of calls that were sent and not answered, if the stub breaks now. */
  Fate fateOfSent(Fate otherwise) {
    return hadNoEffect ? Fate.NOT_EXECUTED : otherwise;
  }

  /** Why the last connection was lost. */
  FailureCause cause() {
    return cause != null
        ? cause
        : FailureCause.of(
            Reasons.CONNECTION_LOST, Status.Code.UNAVAILABLE, "the connection was lost", true);
  }
}
