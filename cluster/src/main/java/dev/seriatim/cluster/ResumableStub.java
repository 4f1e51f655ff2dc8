package dev.seriatim.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Session;
import dev.seriatim.wire.EncodedFrame;

/**
 * What a relay knows of a stub that can be resumed: its owner says that it is open, and then first
 * tells again what was answered on earlier connections. Such a stub doesn't go along with its
 * object: its client opens the next connection. Guarded by its relay.
 */
final class ResumableStub {
  private final SessionOpen open;
  private boolean opened;

  /** How many of the outcomes that come next belong to invocations of earlier connections. */
  private long replays;

  ResumableStub(SessionOpen open) {
    this.open = open;
  }

  SessionOpen open() {
    return open;
  }

  /** What its owner is told of the session. */
  Session session() {
    Session.Builder session =
        Session.newBuilder()
            .setId(open.session())
            .setConnection((int) open.connection())
            .setAnsweredThrough(open.answeredThrough());
    Long unanswered = open.unansweredNanos();
    if (unanswered != null) {
      session.setUnansweredFor(Durations.fromNanos(unanswered));
    }
    return session.build();
  }

  /** The owner says that it is open, and where it stands. */
  void opened(Opened told) {
    opened = true;
    replays = Math.max(0, told.getSession().getCompletedThrough() - open.answeredThrough());
  }

  /** A frame of the owner's, as the client is to have it. */
  EncodedFrame frame(EncodedFrame frame) {
    if (opened) {
      return frame;
    }
    ConnectResponse response;
    try {
      response = ConnectResponse.parseFrom(frame.bytes());
    } catch (InvalidProtocolBufferException e) {
      return frame; // The client finds out.
    }
    if (!response.hasOpened()) {
      return frame;
    }
    opened(response.getOpened());
    if (!open.opened().hasRoute()) {
      return frame;
    }
    ConnectResponse.Builder routed = response.toBuilder();
    routed.getOpenedBuilder().setRoute(open.opened().getRoute());
    return EncodedFrame.of(routed.build());
  }

  /** How many of so many outcomes answer invocations of this connection. */
  int fresh(int outcomes) {
    long again = Math.min(replays, outcomes);
    replays -= again;
    return (int) (outcomes - again);
  }
}
