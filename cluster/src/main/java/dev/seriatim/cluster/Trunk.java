package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.peer.v1.PeerGrpc;
import dev.seriatim.peer.v1.RelayOpen;
import dev.seriatim.service.connect.PeerService;
import dev.seriatim.service.session.OneWriter;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneResponse;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call to another host, which carries many stubs there. Any thread may put something in;
 * whoever flushes writes, one thread at a time, and takes all that waits into one message. What
 * comes back comes on the transport's thread.
 *
 * <p>What waits here is kept by its relays, which count it.
 */
final class Trunk extends OneWriter {
  private static final Logger logger = LoggerFactory.getLogger(Trunk.class);

  private static final MethodDescriptor<EncodedFrame, EncodedFrame> METHOD =
      PeerGrpc.getTrunkMethod().toBuilder(EncodedFrame.MARSHALLER, EncodedFrame.MARSHALLER).build();

  /** How many messages may be under way to here. */
  private static final int MESSAGES = 16;

  /** How often a trunk on which nothing comes is beaten on. */
  static final Duration BEAT = Duration.ofMillis(500);

  /** After so long without a word the others are asked where its objects are. */
  private static final Duration ASK = Duration.ofSeconds(3);

  private static final EncodedFrame EMPTY = EncodedFrame.ofBytes(new byte[0]);

  private final Channel channel;
  private final String peer;
  private final String token;
  private final Duration patience;
  private final TrunkBeats beats;
  private final Queue<LaneRequest> parts = new ConcurrentLinkedQueue<>();
  private final ConcurrentMap<Long, TrunkWay> ways = new ConcurrentHashMap<>();

  /** The trunks whose messages wait for the end of what the calling thread is working off. */
  private static final ThreadLocal<@Nullable List<Trunk>> ROUND = new ThreadLocal<>();

  @GuardedBy("this")
  private long lastLane;

  /** Why the call has ended; null as long as it hasn't. */
  @GuardedBy("this")
  private @Nullable String over;

  /** Whether the call came on a connection, so that something may have been delivered. */
  private volatile boolean connected;

  /** Whether the host has answered a beat. One of an older version doesn't. */
  private volatile boolean answersBeats;

  /** Whether an empty message is to be sent. Written by whoever wants it, and the writer. */
  private volatile boolean beatDue;

  /** Why the call is to end; null as long as it isn't. */
  private volatile @Nullable String closing;

  // The writer's own.
  private @Nullable ClientCall<EncodedFrame, EncodedFrame> call;
  private boolean ended;

  /**
   * A trunk that calls its host when it is first flushed, and not before: whoever makes one holds
   * locks, and what is started on a channel may have the calling thread tell other trunks that they
   * have ended.
   *
   * @param token what that host wants to be shown
   * @param patience for how long it may be silent
   */
  Trunk(Channel channel, String peer, String token, Duration patience) {
    this.channel = channel;
    this.peer = peer;
    this.token = token;
    this.patience = patience;
    this.beats =
        new TrunkBeats((int) ASK.dividedBy(BEAT), (int) Math.max(1, patience.dividedBy(BEAT)));
  }

  // ---- rounds

  /** What the calling thread puts into any trunk from now on leaves together. */
  static boolean beginRound() {
    if (ROUND.get() != null) {
      return false;
    }
    ROUND.set(new ArrayList<>(2));
    return true;
  }

  /** The end of what leaves together. */
  static void endRound() {
    List<Trunk> waiting = ROUND.get();
    ROUND.remove();
    if (waiting != null) {
      waiting.forEach(Trunk::flush);
    }
  }

  // ---- in

  /** Opens a lane. */
  void open(TrunkWay way, RelayOpen open, EncodedFrame first) {
    String why;
    synchronized (this) {
      why = over;
      if (why == null) {
        long lane = ++lastLane;
        way.numbered(lane);
        ways.put(lane, way);
        // In the order of their numbers.
        parts.add(LaneRequest.ofRelayOpen(lane, open));
        parts.add(LaneRequest.ofFrame(lane, first));
      }
    }
    if (why == null) {
      flushSoon();
    } else {
      way.lost(/* delivered= */ false, why);
    }
  }

  void send(LaneRequest part) {
    parts.add(part);
    flushSoon();
  }

  /** Whatever comes on this lane is of no interest any more. False if that was so before. */
  boolean forget(long lane) {
    return ways.remove(lane) != null;
  }

  private void flushSoon() {
    List<Trunk> round = ROUND.get();
    if (round == null) {
      flush();
    } else if (!round.contains(this)) {
      round.add(this);
    }
  }

  /**
   * It is time for a beat: says something if nothing was heard since the last one. From one thread
   * at a time.
   *
   * @return whether it is of no use any more, since nobody answers
   */
  boolean beat() {
    switch (beats.next(answersBeats || !connected)) {
      case NOTHING -> {}
      case BEAT_AND_ASK -> {
        ways.values().forEach(TrunkWay::ask);
        sendBeat();
      }
      case BEAT -> sendBeat();
      case GIVE_UP -> {
        return true;
      }
    }
    return false;
  }

  private void sendBeat() {
    beatDue = true;
    flush();
  }

  /** The other host was silent for too long. */
  void giveUp() {
    close("nothing was heard of it for %d ms".formatted(patience.toMillis()));
  }

  /** Ends the call: what it carries is lost. With no lock held, as whatever flushes. */
  void close(String why) {
    closing = why;
    flush();
  }

  synchronized boolean isOver() {
    return over != null;
  }

  // ---- the writer

  @Override
  protected boolean sendNext() {
    if (ended || isOver()) {
      ended = true;
      parts.clear();
      return false;
    }
    ClientCall<EncodedFrame, EncodedFrame> on = call;
    if (on == null) {
      start();
      return true;
    }
    String why = closing;
    if (why != null) {
      cancel(why, null);
      return false;
    }
    if (!on.isReady()) {
      return false;
    }
    if (beatDue) { // First: what stubs send need not be answered soon.
      beatDue = false;
      on.sendMessage(EMPTY);
      return true;
    }
    LaneRequest part = parts.poll();
    if (part == null) {
      return false;
    }
    List<LaneRequest> message = new ArrayList<>();
    int size = 0;
    while (part != null) {
      message.add(part);
      size += LaneMessages.size(part);
      LaneRequest next = parts.peek();
      part =
          next == null || size + LaneMessages.size(next) > LaneMessages.FULL_MESSAGE_BYTES
              ? null
              : parts.poll();
    }
    on.sendMessage(LaneMessages.writeRequests(message));
    return true;
  }

  /**
   * Calls the host. The call is nobody's: it doesn't end with the client's call in which it is
   * first needed, nor at its deadline.
   */
  private void start() {
    Context caller = Context.ROOT.attach();
    try {
      ClientCall<EncodedFrame, EncodedFrame> made =
          channel.newCall(
              METHOD, CallOptions.DEFAULT.withStreamTracerFactory(new ConnectionTracer()));
      call = made;
      Metadata headers = new Metadata();
      headers.put(PeerService.TOKEN, token);
      made.start(new Answers(made), headers);
      made.request(MESSAGES);
    } finally {
      Context.ROOT.detach(caller);
    }
  }

  private void cancel(String why, @Nullable Throwable cause) {
    ClientCall<EncodedFrame, EncodedFrame> on = call;
    if (on != null) {
      on.cancel(why, cause); // The first time counts.
    }
  }

  @Override
  protected void failed(Throwable thrown) {
    logger.warn("the trunk to host {} is lost: it failed", peer, thrown);
    if (call == null) {
      lose("the trunk to host %s can't be started: %s".formatted(peer, thrown), false);
    } else {
      cancel("it could not be written to", thrown);
    }
  }

  // ---- the transport's thread

  private final class Answers extends ClientCall.Listener<EncodedFrame> {
    private final ClientCall<EncodedFrame, EncodedFrame> call;

    private Answers(ClientCall<EncodedFrame, EncodedFrame> call) {
      this.call = call;
    }

    @Override
    public void onMessage(EncodedFrame message) {
      call.request(1);
      beats.heard();
      if (message.size() == 0) {
        answersBeats = true;
        return;
      }
      List<LaneResponse> responses;
      try {
        responses = LaneMessages.readResponses(message.bytes());
      } catch (IOException e) {
        call.cancel("a message is not a TrunkResponse: " + e.getMessage(), e);
        return;
      }
      boolean round = beginRound(); // What they free, credit for one, leaves together.
      try {
        for (LaneResponse response : responses) {
          TrunkWay way = ways.get(response.lane());
          if (way != null) {
            way.responded(response);
          }
        }
      } finally {
        if (round) {
          endRound();
        }
      }
    }

    @Override
    public void onReady() {
      flush();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      String why = "the trunk to host " + peer + " ended: " + status.getCode();
      if (status.getDescription() != null) {
        why += ": " + status.getDescription();
      }
      lose(why, connected && !isRefusal(status));
      flush();
    }
  }

  /** There is no call any more, and nobody will be told so but by this. */
  private void lose(String why, boolean delivered) {
    synchronized (this) {
      over = why;
    }
    if (!ways.isEmpty()) {
      logger.info("{}; it carried {} stubs", why, ways.size());
    }
    for (Long lane : ways.keySet()) {
      TrunkWay way = ways.remove(lane);
      if (way != null) {
        way.lost(delivered, why);
      }
    }
  }

  /** Whether the host has taken nothing in: it has another token, or is in no cluster. */
  private static boolean isRefusal(Status status) {
    return status.getCode() == Status.Code.PERMISSION_DENIED
        || status.getCode() == Status.Code.UNIMPLEMENTED;
  }

  /** Without a connection nothing was delivered. */
  private final class ConnectionTracer extends ClientStreamTracer.Factory {
    @Override
    public ClientStreamTracer newClientStreamTracer(
        ClientStreamTracer.StreamInfo info, Metadata headers) {
      return new ClientStreamTracer() {
        @Override
        public void streamCreated(Attributes transportAttributes, Metadata sent) {
          connected = true;
        }
      };
    }
  }
}
