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
import java.util.concurrent.ThreadLocalRandom;
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
 * answers; and whoever has found a way. What is to happen, the {@link RelayState} decides; here it
 * is done. The lock guards the state: what is kept and which way is the one that counts. Nothing is
 * sent with the lock held. What comes from a way that doesn't count any more is dropped, and what
 * is sent on one does no harm, since the stub has ended there.
 */
final class Relay {
  private final ObjectAddress address;
  private final ClientSide client;
  private final boolean fromObject;
  private final RelayHost edge;
  private final int slot;
  private final RelayInput input;

  @GuardedBy("this")
  private final RelayState state;

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
    this.slot = Slots.of(address.id());
    this.state = new RelayState(new KeptFrames(edge), session, edge.nanos());
    this.input = new RelayInput(this, state, edge, /* resumable= */ session != null);
  }

  /** What a connection of a session can do beside; null if it is none. */
  synchronized @Nullable ResumableStub resumable() {
    return state.resumable();
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
      if (state.isOver() || fromObject || state.way() instanceof LocalWay) {
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
    RelayState.Broke broke;
    synchronized (this) {
      if (!state.breakSoon(cause)) {
        return;
      }
      on = state.openWay(); // One that catches up is told behind what it gets.
      broke = breakIfItWaits(cause);
    }
    if (on != null) {
      on.breakSoon(cause);
    }
    if (broke != null) {
      tell(broke);
    }
  }

  /** The client is gone, or what carries it has failed. */
  void cancel() {
    Way last;
    synchronized (this) {
      if (state.isOver()) {
        return;
      }
      last = state.finish();
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

  /** The way that counts; null while it waits, and at the end. */
  synchronized @Nullable Way way() {
    return state.way();
  }

  // ---- ways are found, on any thread

  /** If it waits, and the object's owner is known, goes on there. */
  void findWay(boolean onClientsThread) {
    Way found;
    long completed;
    synchronized (this) {
      found = state.waits() ? edge.way(this, onClientsThread) : null;
      if (found == null || state.keepsFrom(found, edge.nanos())) {
        return; // It is looked at again.
      }
      completed = state.begin(found);
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
        if (!state.catchesUp(on)) {
          return;
        }
        next = state.next();
        if (next == null) {
          late = state.soon();
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
    Way on = way();
    boolean leads = on == null || on.leadsToOwner();
    RelayState.Finding finding;
    RelayState.Broke broke = null;
    synchronized (this) {
      finding = state.look(on, leads, now, edge.patience(), edge.lostPatience());
      if (finding == RelayState.Finding.GONE) {
        broke = breakIfItWaits(RelayEnds.unavailable(edge.patience()));
      }
    }
    if (broke != null) {
      tell(broke);
    } else if (finding == RelayState.Finding.LOST && on != null) {
      lost(on, /* delivered= */ true, "another host has it");
    } else {
      findWay(/* onClientsThread= */ false);
    }
    synchronized (this) {
      return state.isAstray();
    }
  }

  // ---- answers, from one thread at a time

  /** A frame has come. */
  void responded(Way from, EncodedFrame frame) {
    FrameScan scan = FrameScan.ofResponse(frame.bytes());
    synchronized (this) {
      if (!state.counts(from)) {
        return;
      }
      state.heard();
      if (state.isKnown(scan)) {
        client().replayed();
        return;
      }
      EncodedFrame given = state.responded(frame, scan);
      if (given != null) {
        client.frame(from, given);
      }
    }
    client.flush();
  }

  /** The owner has ended the stub. */
  void ended(Way from, Status status) {
    boolean moves;
    synchronized (this) {
      moves = state.isMoving(from);
      if (!moves) {
        if (!state.counts(from)) {
          return;
        }
        client.end(null, status);
        var _ = state.finish();
      }
    }
    if (moves) {
      waitAgain(from);
    } else {
      edge.ended(this);
      client.flush();
    }
  }

  /** Whether this way counts, and has said that the object moves. */
  synchronized boolean isMoving(Way from) {
    return state.isMoving(from);
  }

  /** So many more invocations were answered by the session of an object that is here. */
  synchronized boolean answeredHere(Way from, int count) {
    return state.answered(from, count);
  }

  /** The session of an object that is here is open. Whether its client is to know. */
  synchronized boolean openedHere(Way from, Opened opened) {
    return state.opened(from, opened);
  }

  /** The session of an object that is here has ended, for the object moves. */
  void movedHere(Way from) {
    synchronized (this) {
      state.moves(from);
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
      if (!state.counts(from)) {
        return false;
      }
      var _ = state.finish();
    }
    edge.ended(this);
    return true;
  }

  /** Whether an answer may go to the client past those that wait here. */
  boolean isFree() {
    return client.isFree();
  }

  /** The same for the stub's end, with no outcome before it. */
  boolean isFreeToEnd() {
    return client.isFreeToEnd();
  }

  /**
   * The host that the way leads to doesn't have the object, or doesn't serve its namespace, and has
   * done nothing.
   */
  void notThere(Way from) {
    synchronized (this) {
      state.notThere(from, edge.nanos(), ThreadLocalRandom.current().nextDouble());
    }
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
      if (!state.counts(from)) {
        return;
      }
      client.end(null, RelayEnds.lost(why));
      var _ = state.finish();
    }
    edge.ended(this);
    from.cancel();
    edge.lost(this);
    client.flush();
  }

  /**
   * Breaks the stub for this cause, if there is one and it waits: from now on no way is found for
   * it. {@link #tell} must follow, with no lock held.
   */
  @GuardedBy("this")
  private RelayState.@Nullable Broke breakIfItWaits(@Nullable BreakCause cause) {
    if (cause == null || !state.waits()) {
      return null;
    }
    RelayState.Broke broke = state.broke(cause, edge.nanos());
    client.end(broke.told(), cause.toEnd());
    var _ = state.finish();
    return broke;
  }

  private void tell(RelayState.Broke broke) {
    edge.ended(this);
    edge.broke(this, broke.undelivered(), broke.waited(), broke.cause());
    client.flush();
  }

  /** What was sent and not answered is to be sent again, on another way. */
  private void waitAgain(Way from) {
    RelayState.Broke broke;
    synchronized (this) {
      if (!state.waitAgain(from, edge.nanos())) {
        return;
      }
      broke = breakIfItWaits(state.soon());
    }
    if (broke == null) {
      edge.waits(this);
    } else {
      tell(broke);
    }
  }

  @Override
  public String toString() {
    return "a stub of " + address.namespace().name() + "/" + address.id();
  }
}
