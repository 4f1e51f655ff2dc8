package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.rpc.Status;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.FrameScan;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stub at its edge: what its client sends, its {@link RelayInput}, is kept until it is answered,
 * and passed on to the object's owner, wherever that is.
 *
 * <p>An owner that hands the object over ends the stub with OBJECT_MOVED. By {@code
 * completed_through} the edge knows all that was done: the rest is sent again to the next owner,
 * and the client sees nothing of it. An owner that is lost takes the stub with it, since nobody
 * knows what became of what was sent.
 *
 * <p>Three parties meet here: the client's thread, on which its frames come; whoever brings
 * answers; and whoever has found a way. The lock guards what is kept and which way is the one that
 * counts; nothing is sent with the lock held. What comes from a way that doesn't count any more is
 * dropped, and what is sent on one does no harm, since the stub has ended there.
 */
final class Relay {
  private enum State {
    /** No way is known. */
    WAITS,
    /** There is a way, and what has been kept goes there first. */
    CATCHES_UP,
    /** What comes goes its way at once. */
    GOES,
    /** The stub has ended. */
    OVER
  }

  private final ObjectAddress address;
  private final ClientSide client;
  private final boolean fromObject;
  private final RelayHost edge;
  private final int slot;

  /** What it has kept is guarded by this. */
  private final RelayInput input;

  @GuardedBy("this")
  private State state = State.WAITS;

  /** The one that counts; null while it waits. */
  @GuardedBy("this")
  private @Nullable Way way;

  /** Why it is to break after the turn that it is in, or at once if it waits; null if it isn't. */
  @GuardedBy("this")
  private @Nullable BreakCause soon;

  /** Since when it waits, on the edge's clock, though there may have been ways in vain. */
  @GuardedBy("this")
  private long waitsSince;

  @GuardedBy("this")
  private final Astray astray = new Astray();

  @GuardedBy("this")
  private final Answers answers;

  /**
   * A stub that has just been opened.
   *
   * @param client what carries it
   * @param fromObject whether an object of this host has opened it
   * @param session what makes it a connection of a session; null if it is none
   */
  Relay(
      ObjectAddress address,
      Attachment client,
      boolean fromObject,
      @Nullable SessionOpen session,
      RelayHost edge) {
    this.address = address;
    this.client = new ClientSide(this, client);
    this.fromObject = fromObject;
    this.edge = edge;
    this.input = new RelayInput(this, edge, /* resumable= */ session != null);
    this.slot = Slots.of(address.id());
    this.waitsSince = edge.nanos();
    this.answers = new Answers(session);
  }

  /** What a connection of a session can do beside; null if it is none. */
  synchronized @Nullable ResumableStub resumable() {
    return answers.resumable();
  }

  ObjectAddress address() {
    return address;
  }

  Attachment client() {
    return client.client();
  }

  /** What its client sends. */
  SessionInput input() {
    return input;
  }

  boolean isFromObject() {
    return fromObject;
  }

  int slot() {
    return slot;
  }

  // ---- the client

  /** On its thread: looks for the first way. */
  void begin() {
    edge.began(this);
    findWay(/* onClientsThread= */ true);
  }

  /**
   * The host shuts down: breaks the stub, if it leads to another host. May be called again.
   *
   * @return whether it does, and has not ended yet
   */
  boolean drain() {
    synchronized (this) {
      if (state == State.OVER || fromObject || way instanceof LocalWay) {
        return false;
      }
    }
    breakSoon(ObjectDirectory.drainCause()); // Only the first time does anything.
    return true;
  }

  /**
   * Lets the stub break for this cause after the turn that it is in, wherever that is; at once, if
   * it waits. Takes nothing in any more. On any thread; the first cause counts.
   */
  void breakSoon(BreakCause cause) {
    Way on;
    Broke broke;
    synchronized (this) {
      if (state == State.OVER || soon != null) {
        return;
      }
      input.seal();
      soon = cause;
      on = openWay(); // One that catches up is told behind what it gets.
      broke = breakIfItWaits(cause);
    }
    if (on != null) {
      on.breakSoon(cause);
    }
    tell(broke);
  }

  /** The client is gone, or what carries it has failed. */
  void cancel() {
    Way last;
    synchronized (this) {
      if (state == State.OVER) {
        return;
      }
      last = finish();
    }
    edge.ended(this);
    if (last != null) {
      last.cancel();
    }
  }

  /** Gives the client what there is, as far as it reads. */
  void flush() {
    client.flush();
  }

  /** The client has been given all that there was: the session of an object may go on. */
  void allGiven() {
    Way on = way();
    if (on != null) {
      on.onReady();
    }
  }

  @GuardedBy("this")
  @SuppressWarnings("ReferenceEquality") // Each is one that was found once.
  private boolean counts(@Nullable Way one) {
    return way == one;
  }

  /** The way that counts; null while it waits, and at the end. */
  synchronized @Nullable Way way() {
    return way;
  }

  /** The same, if what comes goes there at once. */
  @GuardedBy("this")
  @Nullable Way openWay() {
    return state == State.GOES ? way : null;
  }

  @GuardedBy("this")
  boolean isOver() {
    return state == State.OVER;
  }

  // ---- ways are found, on any thread

  /** If it waits, and the object's owner is known, goes on there. */
  void findWay(boolean onClientsThread) {
    Way found;
    long completed;
    synchronized (this) {
      if (state != State.WAITS) {
        return;
      }
      found = edge.way(this, onClientsThread);
      if (found == null) {
        return;
      }
      way = found;
      state = State.CATCHES_UP;
      answers.begin();
      astray.reset();
      completed = input.answered();
    }
    edge.found(this);
    try {
      found.open(completed);
      catchUp(found);
    } catch (RuntimeException | Error e) { // Whoever calls says so; nobody else would go on.
      lost(found, /* delivered= */ true, "it could not be passed on: " + e);
      throw e;
    }
  }

  private void catchUp(Way on) {
    BreakCause late;
    while (true) {
      StubFrame next;
      synchronized (this) {
        if (!counts(on) || state != State.CATCHES_UP) {
          return;
        }
        next = input.next();
        if (next == null) {
          state = State.GOES;
          late = soon;
          break;
        }
      }
      on.send(next);
    }
    input.passEnd();
    if (late != null) {
      on.breakSoon(late);
    }
  }

  /**
   * Waits for a way no longer than so; and none is kept that leads astray.
   *
   * @return whether it is to be looked at again
   */
  boolean look(long now) {
    boolean gone = false;
    boolean lost = false;
    boolean leads = true;
    Way on = way();
    if (on != null) {
      leads = on.leadsToOwner();
    }
    synchronized (this) {
      if (state == State.WAITS) {
        gone = now - waitsSince >= edge.patience().toNanos();
      } else if (state != State.OVER && counts(on)) {
        lost = astray.look(leads, now, edge.lostPatience());
      }
    }
    if (gone) {
      waitedTooLong();
    } else if (lost && on != null) {
      lost(on, /* delivered= */ true, "another host has it");
    } else {
      findWay(/* onClientsThread= */ false);
    }
    return isAstray();
  }

  private synchronized boolean isAstray() {
    return astray.is() && state != State.OVER;
  }

  // ---- answers, from one thread at a time

  /** A frame has come. */
  void responded(Way from, EncodedFrame frame) {
    FrameScan scan = FrameScan.ofResponse(frame.bytes());
    synchronized (this) {
      if (!counts(from)) {
        return;
      }
      if (answers.isKnown(scan)) {
        client().replayed();
        return;
      }
      EncodedFrame given = answers.given(frame, scan);
      input.answer(answers.fresh(scan.count()));
      if (given != null) {
        client.frame(from, given);
      }
    }
    client.flush();
  }

  /** The owner has ended the stub. */
  void ended(Way from, Status status) {
    synchronized (this) {
      if (!counts(from)) {
        return;
      }
      if (!answers.isMoving()) {
        client.end(null, status);
        var _ = finish();
      }
    }
    if (isMoving(from)) {
      waitAgain(from);
    } else {
      edge.ended(this);
      client.flush();
    }
  }

  /** Whether this way counts, and has said that the object moves. */
  synchronized boolean isMoving(Way from) {
    return counts(from) && answers.isMoving();
  }

  /** So many more invocations were answered by the session of an object that is here. */
  synchronized boolean answeredHere(Way from, int count) {
    if (!counts(from)) {
      return false;
    }
    input.answer(answers.fresh(count));
    return true;
  }

  /** The session of an object that is here is open. Whether its client is to know. */
  synchronized boolean openedHere(Way from, Opened opened) {
    return counts(from) && answers.opened(opened);
  }

  /** The session of an object that is here has ended, for the object moves. */
  void movedHere(Way from) {
    synchronized (this) {
      if (!counts(from)) {
        return;
      }
      answers.moves();
    }
    waitAgain(from);
  }

  /**
   * The session of an object that is here has ended.
   *
   * @return whether its client is to know
   */
  boolean endsHere(Way from) {
    synchronized (this) {
      if (!counts(from)) {
        return false;
      }
      var _ = finish();
    }
    edge.ended(this);
    return true;
  }

  /** Whether an answer may go to the client past those that wait here. */
  boolean isFree() {
    return client.isFree();
  }

  /** The host that the way leads to doesn't have the object, and has done nothing. */
  void notThere(Way from) {
    waitAgain(from);
  }

  /**
   * The way doesn't lead anywhere any more.
   *
   * @param delivered whether anything may have come to the owner
   */
  void lost(Way from, boolean delivered, String why) {
    if (!delivered) {
      waitAgain(from);
      return;
    }
    synchronized (this) {
      if (!counts(from)) {
        return;
      }
      client.end(null, RelayEnds.lost(why));
      var _ = finish();
    }
    edge.ended(this);
    from.cancel();
    edge.lost(this);
    client.flush();
  }

  /** What was left of a stub that broke while it waited. */
  private record Broke(BreakCause cause, List<StubFrame> undelivered, Duration waited) {}

  private void waitedTooLong() {
    Broke broke;
    synchronized (this) {
      broke = breakIfItWaits(RelayEnds.unavailable(edge.patience()));
    }
    tell(broke);
  }

  /**
   * Breaks the stub, if it waits: from now on no way is found for it. {@link #tell} must follow,
   * with no lock held.
   */
  @GuardedBy("this")
  private @Nullable Broke breakIfItWaits(BreakCause cause) {
    if (state != State.WAITS) {
      return null;
    }
    client.end(cause.toBroken(input.answered()), cause.toEnd());
    Broke broke = new Broke(cause, input.waiting(), Duration.ofNanos(edge.nanos() - waitsSince));
    var _ = finish();
    return broke;
  }

  private void tell(@Nullable Broke broke) {
    if (broke != null) {
      edge.ended(this);
      edge.broke(this, broke.undelivered(), broke.waited(), broke.cause());
      client.flush();
    }
  }

  /** What was sent and not answered is to be sent again, on another way. */
  private void waitAgain(Way from) {
    Broke broke = null;
    synchronized (this) {
      if (!counts(from) || state == State.OVER) {
        return;
      }
      way = null;
      state = State.WAITS;
      if (answers.isMoving()) {
        waitsSince = edge.nanos();
      }
      answers.begin();
      input.takeBack();
      if (soon != null) {
        broke = breakIfItWaits(soon);
      }
    }
    if (broke == null) {
      edge.waits(this);
    } else {
      tell(broke);
    }
  }

  /**
   * Nothing comes any more and nothing is kept. The edge must be told, with no lock held.
   *
   * @return the way that counted
   */
  @GuardedBy("this")
  private @Nullable Way finish() {
    Way last = way;
    state = State.OVER;
    way = null;
    input.clear();
    return last;
  }

  @Override
  public String toString() {
    return "a stub of " + address.namespace().name() + "/" + address.id();
  }
}
