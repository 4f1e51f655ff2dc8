package dev.seriatim.service.connect;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Status;
import dev.seriatim.peer.v1.RelayOpen;
import dev.seriatim.service.caller.RefusedException;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.FrameScan;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One lane of a {@link ManyCall}, which carries one stub.
 *
 * <p>What its client says comes from the call, one part at a time. What the session sends is put in
 * line there, as long as the lane has credit and the call has room.
 */
final class Lane extends StubReader {
  /** What a lane may send before its client gives it more. */
  static final long FIRST_CREDIT = 256 << 10;

  private static final VarHandle CREDIT;

  static {
    try {
      CREDIT = MethodHandles.lookup().findVarHandle(Lane.class, "credit", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ManyCall call;
  private final long number;

  /** Taken by the session's writer, and given by the call's events. Through the handle. */
  private volatile long credit = FIRST_CREDIT;

  /** Whether the client wants to hear nothing more. Written by the call's events. */
  private volatile boolean cancelled;

  /** How the stub comes here, if it is another host that passes it on. Before it is opened. */
  private @Nullable Relayed relayed;

  /** Whether it stands among those that wait for room. Guarded by the call's line of them. */
  private boolean awaitsRoom;

  /**
   * What another host has said.
   *
   * @param caller who calls, once that is read; null if nobody known does
   */
  private record Relayed(RelayOpen open, @Nullable StubCaller caller) {}

  Lane(ManyCall call, long number) {
    super(call.service().authorization(), call.identity());
    this.call = call;
    this.number = number;
  }

  long number() {
    return number;
  }

  // ---- the call's events

  void take(LaneRequest part) {
    if (part.moreBytes() != 0) {
      give(Integer.toUnsignedLong(part.moreBytes()));
    }
    switch (part.what()) {
      case NOTHING -> {}
      case FRAME -> {
        boolean first = !isOpen();
        take(call.readFrame(part));
        if (first) {
          ready(); // It may have been told so before there was someone to hear it.
        }
      }
      case HALF_CLOSE -> halfClosed();
      case CANCEL -> {
        cancelled = true;
        call.ended(this);
        cancelled();
      }
      case RELAY_OPEN, RELAY_FAIL, RELAY_BREAK_SOON -> takeFromHost(part);
      case NEITHER ->
          fail(
              BreakCause.of(
                  BreakReason.PROTOCOL_VIOLATION,
                  "half_close or cancel is false on lane %s, expected true"
                      .formatted(Long.toUnsignedString(number))));
    }
  }

  private void takeFromHost(LaneRequest part) {
    EncodedFrame message = part.frame();
    try {
      if (message != null && part.what() == LaneRequest.What.RELAY_OPEN) {
        relayed = new Relayed(RelayOpen.parseFrom(message.bytes()), /* caller= */ null);
      } else if (message != null && part.what() == LaneRequest.What.RELAY_BREAK_SOON) {
        breakSoon(BreakCause.of(Broken.parseFrom(message.bytes())));
      } else if (message != null) {
        fail(BreakCause.of(Broken.parseFrom(message.bytes())));
      }
    } catch (InvalidProtocolBufferException e) {
      fail(
          BreakCause.of(
              BreakReason.PROTOCOL_VIOLATION,
              "a part of lane %s is not what it says: %s"
                  .formatted(Long.toUnsignedString(number), e.getMessage())));
    }
  }

  private void give(long more) {
    long before = (long) CREDIT.getAndAdd(this, more);
    if (before <= 0 && before + more > 0) {
      ready();
    }
  }

  /** The call is over. */
  void lost() {
    cancelled = true;
    cancelled();
  }

  // ---- the line of those that wait for room, under its lock

  /** False if it stood there already. */
  boolean beginToAwaitRoom() {
    boolean before = awaitsRoom;
    awaitsRoom = true;
    return !before;
  }

  void hasRoom() {
    awaitsRoom = false;
  }

  // ---- the session, and before there is one the call's events

  boolean hasCredit() {
    return credit > 0;
  }

  @Override
  ConnectService service() {
    return call.service();
  }

  @Override
  public void sendOpened(Opened opened) {
    if (cancelled || (relayed != null && !opened.hasSession())) {
      return; // Its edge has said so, unless it is only known here.
    }
    call.sendAside(
        this, EncodedFrame.of(ConnectResponse.newBuilder().setOpened(opened).build()), null);
  }

  /** Its edge may have to tell. */
  @Override
  public void replayed() {
    if (relayed != null && !cancelled) {
      Opened nothing = Opened.getDefaultInstance();
      call.sendAside(
          this, EncodedFrame.of(ConnectResponse.newBuilder().setOpened(nothing).build()), null);
    }
  }

  @Override
  public boolean isOnTransport() {
    return call.isOnTransport();
  }

  @Override
  public String peer() {
    return call.peer();
  }

  @Override
  public boolean isReady() {
    return hasCredit() && call.hasRoomFor(this);
  }

  /** Only outcomes take credit. */
  @Override
  public boolean isReadyToEnd() {
    return call.hasRoomFor(this);
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken broken) {
    if (cancelled) {
      return;
    }
    EncodedFrame frame = ResponseEncoder.encode(outcomes, broken);
    if (outcomes.isEmpty()) {
      call.sendAside(this, frame, null);
    } else {
      long _ = (long) CREDIT.getAndAdd(this, -(long) frame.size());
      call.sendOutcomes(this, frame);
    }
  }

  @Override
  public void sendFrame(EncodedFrame frame) {
    if (cancelled) {
      return;
    }
    if (FrameScan.hasOutcomes(frame.bytes())) {
      long _ = (long) CREDIT.getAndAdd(this, -(long) frame.size());
    }
    call.sendAside(this, frame, null);
  }

  @Override
  public long completedThrough() {
    Relayed told = relayed;
    return told == null ? 0 : told.open().getCompletedThrough();
  }

  @Override
  public boolean isFromObject() {
    Relayed told = relayed;
    return told != null && told.open().getFromObject();
  }

  /** As its edge has found out, if it comes from another host. */
  @Override
  public @Nullable StubCaller caller() {
    Relayed told = relayed;
    return told == null ? super.caller() : told.caller();
  }

  @Override
  void letIn(ObjectAddress address) throws RefusedException {
    Relayed told = relayed;
    if (told == null) {
      super.letIn(address);
    } else {
      relayed = new Relayed(told.open(), StubCaller.of(told.open(), address.namespace().methods()));
    }
  }

  @Override
  public void close(Status end) {
    if (!cancelled) {
      call.sendAside(this, null, end);
    }
    call.ended(this);
  }
}
