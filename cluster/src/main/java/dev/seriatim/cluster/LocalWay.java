package dev.seriatim.cluster;

import com.google.rpc.Status;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The way to an object that is here: its session, which this carries. */
final class LocalWay implements Way, Attachment {
  private final Relay relay;
  private final ObjectDirectory directory;
  private final Slots slots;
  private final boolean onClientsThread;

  /** Null until it is opened. Written by whoever opens it, before anything else comes. */
  private volatile @Nullable SessionInput session;

  // Owned by the opener and then by the session's writer, one after the other.
  private long completedThrough;
  private boolean moved;

  /**
   * A way that isn't open yet.
   *
   * @param onClientsThread whether it is opened on the thread on which the client's frames come, so
   *     that turns may begin there
   */
  LocalWay(Relay relay, ObjectDirectory directory, Slots slots, boolean onClientsThread) {
    this.relay = relay;
    this.directory = directory;
    this.slots = slots;
    this.onClientsThread = onClientsThread;
  }

  // ---- the way

  @Override
  public void open(long completed) {
    completedThrough = completed;
    ResumableStub resumable = relay.resumable();
    Session opened =
        directory.open(
            relay.address(),
            this,
            relay.isFromObject(),
            resumable == null ? null : resumable.open());
    session = opened;
    opened.onReady(); // It may have been told so before there was someone to hear it.
  }

  @Override
  public void send(StubFrame frame) {
    SessionInput input = session;
    if (input != null) {
      input.addFirst(frame);
    }
  }

  @Override
  public void fail(BreakCause cause) {
    SessionInput input = session;
    if (input != null) {
      input.fail(cause);
    }
  }

  @Override
  public void breakSoon(BreakCause cause) {
    SessionInput input = session;
    if (input != null) {
      input.breakSoon(cause);
    }
  }

  @Override
  public void halfClose() {
    SessionInput input = session;
    if (input != null) {
      input.halfClose();
    }
  }

  @Override
  public void cancel() {
    SessionInput input = session;
    if (input != null) {
      input.cancel();
    }
  }

  @Override
  public void taken(int bytes) {}

  @Override
  public void onReady() {
    SessionInput input = session;
    if (input != null) {
      input.onReady();
    }
  }

  @Override
  public void onDelivered() {
    SessionInput input = session;
    if (input != null) {
      input.onDelivered();
    }
  }

  @Override
  public String host() {
    return slots.host();
  }

  @Override
  public boolean leadsToOwner() {
    return slots.has(relay.slot());
  }

  // ---- the session's attachment; what is sent comes from one thread at a time

  @Override
  public boolean isOnTransport() {
    return onClientsThread && relay.client().isOnTransport();
  }

  @Override
  public long completedThrough() {
    return completedThrough;
  }

  @Override
  public boolean isFromObject() {
    return relay.isFromObject();
  }

  @Override
  public @Nullable StubCaller caller() {
    return relay.client().caller();
  }

  @Override
  public boolean isReady() {
    return relay.isFree();
  }

  @Override
  public boolean isReadyToEnd() {
    return relay.isFreeToEnd();
  }

  @Override
  public void sendOpened(Opened opened) {
    if (relay.openedHere(this, opened)) {
      relay.client().sendOpened(opened);
    }
  }

  @Override
  public void replayed() {
    relay.client().replayed();
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken broken) {
    if (!relay.answeredHere(this, outcomes.size())) {
      return;
    }
    moved = broken != null && relay.resumable() == null && RelayEnds.isMoved(broken);
    if (!moved || !outcomes.isEmpty()) {
      relay.client().send(outcomes, moved ? null : broken);
    }
  }

  @Override
  public void close(Status end) {
    if (moved) {
      onDelivered(); // Nobody else will say so.
      relay.movedHere(this);
    } else if (relay.endsHere(this)) {
      relay.client().close(end);
    }
  }
}
