package dev.seriatim.cluster;

import dev.seriatim.peer.v1.RelayOpen;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.placement.Peers;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneResponse;
import java.util.concurrent.atomic.AtomicInteger;

/** The way to an object at another host: a lane of the trunk to it. */
final class TrunkWay implements Way {
  /** The client has taken so much before the owner is told that it may send as much again. */
  private static final int CREDIT_BYTES = 64 << 10;

  private final Relay relay;
  private final Routes routes;
  private final HostRow owner;
  private final Trunk trunk;

  /** Its number on the trunk. Written when it is opened, before anything is sent or comes. */
  private volatile long lane;

  private final AtomicInteger taken = new AtomicInteger();

  TrunkWay(Relay relay, Routes routes, HostRow owner, Trunk trunk) {
    this.relay = relay;
    this.routes = routes;
    this.owner = owner;
    this.trunk = trunk;
  }

  // ---- the way

  @Override
  public void open(long completedThrough) {
    RelayOpen.Builder open =
        RelayOpen.newBuilder()
            .setCompletedThrough(completedThrough)
            .setFromObject(relay.isFromObject());
    StubCaller caller = relay.client().caller();
    if (caller != null) {
      caller.tell(open, relay.address().namespace().methods());
    }
    Open.Builder object = Open.newBuilder().setNamespace(relay.address().namespace().name());
    relay
        .address()
        .id()
        .name()
        .ifPresentOrElse(object::setName, () -> object.setId(relay.address().id().toString()));
    ResumableStub resumable = relay.resumable();
    if (resumable != null) {
      object.setSession(resumable.session());
    }
    EncodedFrame first =
        EncodedFrame.of(ConnectRequest.newBuilder().setOpen(object.build()).build());
    trunk.open(this, open.build(), first);
  }

  /** The trunk has given it a number. Under the trunk's lock, before anything is sent. */
  void numbered(long number) {
    lane = number;
  }

  @Override
  public void send(StubFrame frame) {
    trunk.send(LaneRequest.ofFrame(lane, EncodedFrame.ofBytes(frame.bytes())));
  }

  @Override
  public void fail(BreakCause cause) {
    trunk.send(LaneRequest.ofRelayFail(lane, cause.toBroken(0)));
  }

  @Override
  public void breakSoon(BreakCause cause) {
    trunk.send(LaneRequest.ofRelayBreakSoon(lane, cause.toBroken(0)));
  }

  @Override
  public void halfClose() {
    trunk.send(LaneRequest.ofHalfClose(lane));
  }

  @Override
  public void cancel() {
    if (trunk.forget(lane)) {
      trunk.send(LaneRequest.ofCancel(lane));
    }
  }

  @Override
  public void taken(int bytes) {
    if (taken.addAndGet(bytes) >= CREDIT_BYTES) {
      trunk.send(LaneRequest.ofCredit(lane, taken.getAndSet(0)));
    }
  }

  @Override
  public void onReady() {}

  @Override
  public void onDelivered() {}

  @Override
  public String host() {
    return owner.host();
  }

  @Override
  public boolean leadsToOwner() {
    HostRow now = routes.host(relay.slot());
    return now == null || now.host().equals(owner.host());
  }

  // ---- the trunk, on one thread

  void responded(LaneResponse part) {
    EncodedFrame frame = part.frame();
    if (frame != null) {
      relay.responded(this, frame);
    }
    if (part.end() != null) {
      trunk.forget(lane);
      if (Peers.isNotOwner(part.end())) {
        routes.wrong(relay.slot(), owner);
        relay.notThere(this);
      } else {
        if (relay.isMoving(this)) {
          routes.wrong(relay.slot(), owner);
        }
        relay.ended(this, part.end());
      }
    }
  }

  /** The owner is silent. */
  void ask() {
    routes.ask(relay.slot());
  }

  /**
   * The trunk has ended.
   *
   * @param delivered whether anything may have come to the owner
   */
  void lost(boolean delivered, String why) {
    routes.ask(relay.slot());
    relay.lost(this, delivered, why);
  }
}
