package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.FrameScan;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a stub stands at its edge: which way counts, what is kept of what its client has sent, and
 * whether it waits, breaks or has ended. It decides, and its {@link Relay} and {@link RelayInput}
 * do what follows from that: there is no thread, clock or socket here, and nothing is sent. Guarded
 * by its relay.
 */
final class RelayState {
  private enum Phase {
    /** No way is known. */
    WAITS,
    /** There is a way, and what has been kept goes there first. */
    CATCHES_UP,
    /** What comes goes its way at once. */
    GOES,
    /** The stub has ended. */
    OVER
  }

  /** What has to be done about a stub that was looked at. */
  enum Finding {
    /** It has waited for too long. */
    GONE,
    /** Its way leads astray, and nothing more is to be expected of it. */
    LOST,
    /** If it waits, a way may be there by now. */
    NOTHING
  }

  /**
   * What is left of a stub that breaks while it waits.
   *
   * @param told what its client is told
   * @param undelivered what no host has
   * @param waited for how long
   */
  record Broke(BreakCause cause, Broken told, List<StubFrame> undelivered, Duration waited) {}

  private final KeptFrames kept;
  private final ClientEnd end = new ClientEnd();
  private final Answers answers;
  private final Astray astray = new Astray();
  private final Repulse repulse = new Repulse();
  private Phase phase = Phase.WAITS;

  /** The one that counts; null while it waits, and at the end. */
  private @Nullable Way way;

  /** Why it is to break after the turn that it is in, or at once if it waits; null if it isn't. */
  private @Nullable BreakCause soon;

  /** Since when it waits, on the edge's clock, though there may have been ways in vain. */
  private long waitsSince;

  /**
   * A stub that has just been opened: it waits.
   *
   * @param kept nothing yet
   * @param session what makes it a connection of a session; null if it is none
   * @param now the time on the edge's clock
   */
  RelayState(KeptFrames kept, @Nullable SessionOpen session, long now) {
    this.kept = kept;
    this.answers = new Answers(session);
    this.waitsSince = now;
  }

  /** What a connection of a session can do beside; null if it is none. */
  @Nullable ResumableStub resumable() {
    return answers.resumable();
  }

  // ---- which way counts

  /** The way that counts; null while it waits, and at the end. */
  @Nullable Way way() {
    return way;
  }

  /** The same, if what comes goes there at once. */
  @Nullable Way openWay() {
    return phase == Phase.GOES ? way : null;
  }

  @SuppressWarnings("ReferenceEquality") // Each is one that was found once.
  boolean counts(@Nullable Way one) {
    return way == one;
  }

  boolean waits() {
    return phase == Phase.WAITS;
  }

  boolean isOver() {
    return phase == Phase.OVER;
  }

  /** Whether the host that this way leads to isn't to be asked yet. */
  boolean keepsFrom(Way found, long now) {
    return repulse.keepsFrom(found.host(), now);
  }

  /**
   * The host that this way leads to has said that it doesn't have the object, which is of no
   * interest if the way doesn't count.
   *
   * @param part from 0 to 1, at random
   */
  void notThere(Way from, long now, double part) {
    if (counts(from)) {
      repulse.came(from.host(), now, part);
    }
  }

  /** The host that the way leads to which counts has the object: it has said something. */
  void heard() {
    repulse.reset();
  }

  /**
   * A way was found for a stub that waits. It counts from now on, and gets first what is kept.
   *
   * @return how many of the stub's invocations were completed before
   */
  long begin(Way found) {
    way = found;
    phase = Phase.CATCHES_UP;
    answers.begin();
    astray.reset();
    return kept.answered();
  }

  /** Whether this way counts, and hasn't got all that is kept. */
  boolean catchesUp(Way on) {
    return counts(on) && phase == Phase.CATCHES_UP;
  }

  /**
   * The next frame for a way that catches up, which counts as passed on from now; null if it has
   * all of them, and what comes goes there at once.
   */
  @Nullable StubFrame next() {
    StubFrame next = kept.next();
    if (next == null) {
      phase = Phase.GOES;
    }
    return next;
  }

  /**
   * The way that counts doesn't lead anywhere any more: what was passed on and not answered is to
   * be sent again, on another one.
   *
   * @return whether it did count; if it didn't, nothing has changed
   */
  boolean waitAgain(Way from, long now) {
    if (!counts(from)) {
      return false;
    }
    way = null;
    phase = Phase.WAITS;
    if (answers.isMoving()) {
      waitsSince = now;
    }
    answers.begin();
    end.passAgain();
    kept.takeBack();
    return true;
  }

  /**
   * The stub is looked at: it waits for a way no longer than so, and keeps none that leads astray.
   *
   * @param on the way that counted when it was asked where it leads
   * @param leads whether it leads to the object's owner
   */
  Finding look(
      @Nullable Way on, boolean leads, long now, Duration patience, Duration lostPatience) {
    return switch (phase) {
      case WAITS -> now - waitsSince >= patience.toNanos() ? Finding.GONE : Finding.NOTHING;
      case CATCHES_UP, GOES ->
          counts(on) && astray.look(leads, now, lostPatience) ? Finding.LOST : Finding.NOTHING;
      case OVER -> Finding.NOTHING;
    };
  }

  /** Whether it is to be looked at again, since its way has led astray. */
  boolean isAstray() {
    return astray.is() && phase != Phase.OVER;
  }

  // ---- what the client sends

  /** Whether a frame that comes now is of any interest. */
  boolean takesIn() {
    return !end.isSealed() && phase != Phase.OVER;
  }

  /**
   * A frame has come, which is kept until it is answered.
   *
   * @param room what was taken for it
   * @return the way on which it is to be sent at once; null if it has to wait
   */
  @Nullable Way take(StubFrame frame, FrameScan scan, long room) {
    if (!scan.whole()) {
      end.seal(); // The owner finds out what is wrong with it.
    }
    Way to = openWay();
    kept.add(frame, scan.count(), room, /* passOn= */ to != null);
    return to;
  }

  /** The stub is to break behind what came before. */
  void fail(BreakCause cause) {
    end.fail(cause);
  }

  /** The client has half-closed. */
  void halfClose() {
    end.halfClose();
  }

  /** Whether the way has to be told how the client has ended, which counts as told from now. */
  boolean passEnd() {
    return end.pass();
  }

  /** Why the stub is to break behind what came before; null if it isn't. */
  @Nullable BreakCause failure() {
    return end.failure();
  }

  // ---- what the owner says

  /** Whether this says only that the stub is open, which its client knows by now. */
  boolean isKnown(FrameScan scan) {
    return answers.isKnown(scan);
  }

  /**
   * A frame has come by the way that counts; as the client is to have it, or null if nothing is
   * left of it.
   */
  @Nullable EncodedFrame responded(EncodedFrame frame, FrameScan scan) {
    EncodedFrame given = answers.given(frame, scan);
    kept.answer(answers.fresh(scan.count()));
    return given;
  }

  /** So many outcomes have come this way. Whether it counts; if not, they are none. */
  boolean answered(Way from, int outcomes) {
    if (!counts(from)) {
      return false;
    }
    repulse.reset();
    kept.answer(answers.fresh(outcomes));
    return true;
  }

  /** The session of an object that is here is open. Whether the client is to know. */
  boolean opened(Way from, Opened opened) {
    return counts(from) && answers.opened(opened);
  }

  /** This way says that the object moves, which is of no interest if it doesn't count. */
  void moves(Way from) {
    if (counts(from)) {
      answers.moves();
    }
  }

  /** Whether this way counts, and has said that the object moves. */
  boolean isMoving(Way from) {
    return counts(from) && answers.isMoving();
  }

  // ---- the end

  /**
   * The stub is to break after the turn that it is in: nothing more is taken in. The first cause
   * counts.
   *
   * @return whether this is the first one, and the stub hasn't ended
   */
  boolean breakSoon(BreakCause cause) {
    if (phase == Phase.OVER || soon != null) {
      return false;
    }
    end.seal();
    soon = cause;
    return true;
  }

  /** Why it is to break after the turn that it is in, or at once if it waits; null if it isn't. */
  @Nullable BreakCause soon() {
    return soon;
  }

  /** What is left of a stub that breaks while it waits. {@link #finish} must follow. */
  Broke broke(BreakCause cause, long now) {
    return new Broke(
        cause, cause.toBroken(kept.answered()), kept.waiting(), Duration.ofNanos(now - waitsSince));
  }

  /**
   * Nothing comes any more and nothing is kept. The edge must be told, with no lock held.
   *
   * @return the way that counted
   */
  @Nullable Way finish() {
    Way last = way;
    phase = Phase.OVER;
    way = null;
    kept.clear();
    return last;
  }
}
