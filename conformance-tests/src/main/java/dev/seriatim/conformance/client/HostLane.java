package dev.seriatim.conformance.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Status;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneRequest.What;
import dev.seriatim.wire.LaneResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A lane of a call of {@code ConnectMany}. Parts come on gRPC's thread; frames are sent by the
 * script's. Fields without another word are guarded by {@code this}, and nobody is called with it
 * locked.
 */
final class HostLane implements Link {
  private static final int FIRST_CREDIT = 256 << 10;

  private final long number;
  private final HostManyCall call;
  private final HostCall stub;

  private long credit = FIRST_CREDIT;
  private boolean halfClosed;
  private boolean cancelled;
  private boolean over; // The host has ended it, or the call has ended.

  HostLane(long number, HostManyCall call, ScriptedHost host) {
    this.number = number;
    this.call = call;
    this.stub = host.stubsCall(this);
  }

  /** Whether it holds up nobody: see {@link HostCall#takesMore}. */
  boolean takesMore() {
    return isOver() || stub.takesMore();
  }

  /** Whether nothing more is sent on it. */
  synchronized boolean isOver() {
    return over || cancelled;
  }

  // ---- what the client does

  void take(LaneRequest part) {
    if (!counts(part)) {
      return;
    }
    switch (part.what()) {
      case FRAME -> {
        EncodedFrame frame = Objects.requireNonNull(part.frame());
        try {
          stub.frame(ConnectRequest.parseFrom(frame.bytes()));
        } catch (InvalidProtocolBufferException e) {
          call.problem("lane " + number + ": what came is no frame: " + e.getMessage());
        }
      }
      case HALF_CLOSE -> stub.halfClosed();
      case CANCEL -> stub.cancelled();
      case NEITHER -> call.problem("lane " + number + ": a half-close or cancel that is not true");
      case NOTHING -> {}
      case RELAY_OPEN, RELAY_FAIL, RELAY_BREAK_SOON ->
          call.problem("lane " + number + ": what only hosts say");
    }
  }

  /**
   * Whether the part does anything: parts that the end has crossed don't. What comes behind the
   * client's own end is wrong all the same.
   */
  private boolean counts(LaneRequest part) {
    String problem = null;
    boolean crossed;
    synchronized (this) {
      crossed = over;
      if (cancelled && part.what() != What.NOTHING) {
        problem = part.what() + " behind the cancel";
      } else if (halfClosed && part.what() != What.CANCEL && part.what() != What.NOTHING) {
        problem = part.what() + " behind the half-close";
      }
      if (!crossed) {
        credit += Integer.toUnsignedLong(part.moreBytes());
        if (credit > FIRST_CREDIT) {
          problem = "'more_bytes' gives " + (credit - FIRST_CREDIT) + " more bytes than came";
        }
        notifyAll();
      }
      halfClosed |= part.what() == What.HALF_CLOSE;
      cancelled |= part.what() == What.CANCEL;
    }
    if (problem != null) {
      call.problem("lane " + number + ": " + problem);
    }
    return !crossed;
  }

  /** The call was half-closed, and so is each lane. */
  void callHalfClosed() {
    synchronized (this) {
      if (halfClosed || over || cancelled) {
        return;
      }
      halfClosed = true;
    }
    stub.halfClosed();
  }

  /** The call has ended, whoever ended it. */
  void callEnded() {
    synchronized (this) {
      if (over || cancelled) {
        return;
      }
      over = true;
      notifyAll();
    }
    stub.cancelled();
  }

  // ---- what the script does

  @Override
  public void send(List<ByteString> frames, @Nullable HostEnd end)
      throws ScriptException, InterruptedException {
    List<LaneResponse> parts = new ArrayList<>();
    int size = 0;
    for (int i = 0; i < frames.size(); i++) {
      EncodedFrame frame = EncodedFrame.ofBytes(frames.get(i).toByteArray());
      boolean last = i == frames.size() - 1;
      LaneResponse part = new LaneResponse(number, frame, last && end != null ? status(end) : null);
      boolean free = !hasOutcomes(frame);
      boolean fits = size + LaneMessages.size(part) <= LaneMessages.FULL_MESSAGE_BYTES;
      if (!parts.isEmpty() && !(fits && (free || hasCredit()))) {
        call.send(parts);
        parts.clear();
        size = 0;
      }
      if (!free) {
        awaitCredit(frame.size());
      }
      if (isOver()) {
        return;
      }
      parts.add(part);
      size += LaneMessages.size(part);
    }
    if (frames.isEmpty() && end != null) {
      parts.add(new LaneResponse(number, null, status(end)));
    }
    if (end != null && !ends()) {
      return;
    }
    call.send(parts);
    if (end != null) {
      stub.ended();
      call.laneEnded();
    }
  }

  @Override
  public boolean atSecondHost() {
    return call.atSecondHost();
  }

  @Override
  public @Nullable String authorization() {
    return call.authorization();
  }

  @Override
  public HostManyCall sharedCall() {
    return call;
  }

  private static boolean hasOutcomes(EncodedFrame frame) {
    try {
      return ConnectResponse.parseFrom(frame.bytes()).getOutcomesCount() > 0;
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  private synchronized boolean hasCredit() {
    return credit > 0;
  }

  /** Waits until there is any, and takes so much of it. */
  private synchronized void awaitCredit(int bytes) throws ScriptException, InterruptedException {
    long end = System.nanoTime() + HostCall.PATIENCE.toNanos();
    while (credit <= 0 && !over && !cancelled) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new ScriptException("lane " + number + " never got credit; it has " + credit);
      }
      wait(Math.max(1, left / 1_000_000));
    }
    credit -= bytes;
  }

  /** Whether it can be ended, and is so now. */
  private synchronized boolean ends() {
    if (over || cancelled) {
      return false;
    }
    over = true;
    return true;
  }

  private static Status status(HostEnd end) {
    return Status.newBuilder()
        .setCode(end.getCodeValue())
        .setMessage(end.getMessage())
        .addAllDetails(HostFrames.details(end).getDetailsList())
        .build();
  }
}
