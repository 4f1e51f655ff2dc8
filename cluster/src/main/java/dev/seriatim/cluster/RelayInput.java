package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.connect.Frame;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.wire.FrameScan;
import dev.seriatim.wire.Invocation;
import java.util.List;

/**
 * What the client of a {@link Relay} sends: it is kept until it is answered, and goes on by the way
 * that counts, if there is one.
 *
 * <p>Threads: frames come on the client's thread. What is kept, and how the client has ended, is in
 * the relay's state, which the relay guards; nothing is sent with that lock held.
 */
final class RelayInput implements SessionInput {
  private final Relay relay;
  private final RelayHost edge;
  private final boolean resumable;

  @GuardedBy("relay")
  private final RelayState state;

  RelayInput(Relay relay, RelayState state, RelayHost edge, boolean resumable) {
    this.relay = relay;
    this.state = state;
    this.edge = edge;
    this.resumable = resumable;
  }

  // ---- the client's thread

  @Override
  public void addFirst(StubFrame frame) {
    BreakCause refused = frame.refused();
    if (refused != null) {
      fail(refused);
      return;
    }
    byte[] rest = FrameScan.requestBehind(frame.bytes(), 0);
    if (rest.length > 0) {
      take(Frame.of(rest));
    }
  }

  @Override
  public void add(StubFrame frame) {
    BreakCause refused = frame.refused();
    if (refused == null) {
      take(frame);
    } else {
      fail(refused);
    }
  }

  @Override
  public void add(List<Invocation> invocations, int bytes) {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    invocations.forEach(invocation -> frame.addInvocations(invocation.toProto()));
    take(Frame.of(frame.build().toByteArray()));
  }

  private void take(StubFrame frame) {
    FrameScan scan = FrameScan.ofRequest(frame.bytes());
    if (scan.first()) {
      fail(SessionInput.openedAgain());
      return;
    }
    if (scan.count() == 0 && scan.whole() && !resumable) {
      return;
    }
    long room = frame.size() + Session.INVOCATION_BYTES * scan.count();
    String noRoom = edge.takeRoom(scan.count(), room);
    if (noRoom != null) {
      fail(
          BreakCause.of(
              BreakReason.OVERLOADED,
              "no room for %,d more invocations of a frame of %,d bytes: %s"
                  .formatted(scan.count(), frame.size(), noRoom)));
      return;
    }
    Way to;
    synchronized (relay) {
      if (!state.takesIn()) {
        edge.giveRoom(Math.max(1, scan.count()), room);
        return;
      }
      to = state.take(frame, scan, room);
    }
    if (to != null) {
      to.send(frame);
    }
  }

  @Override
  public void fail(BreakCause cause) {
    synchronized (relay) {
      state.fail(cause);
    }
    passEnd();
  }

  @Override
  public void halfClose() {
    synchronized (relay) {
      state.halfClose();
    }
    passEnd();
  }

  /** Says that nothing more comes, if all that came before was passed on. */
  void passEnd() {
    Way to;
    BreakCause why;
    synchronized (relay) {
      to = state.openWay();
      if (to == null || !state.passEnd()) {
        return;
      }
      why = state.failure();
    }
    if (why != null) {
      to.fail(why);
    } else {
      to.halfClose();
    }
  }

  @Override
  public void breakSoon(BreakCause cause) {
    relay.breakSoon(cause);
  }

  @Override
  public void cancel() {
    relay.cancel();
  }

  @Override
  public void onDelivered() {
    Way on = relay.way();
    if (on != null) {
      on.onDelivered();
    }
  }

  @Override
  public void onReady() {
    relay.flush();
    relay.allGiven();
  }

  @Override
  public String toString() {
    return relay.toString();
  }
}
