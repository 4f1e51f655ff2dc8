package dev.seriatim.service.connect;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Connection;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Error;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Exception;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Stream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What has begun to come on one connection: the parts of messages that haven't come to their end,
 * what gRPC has taken in but nobody has asked for, and messages that nobody goes on with before
 * their client has ended its stream.
 *
 * <p>gRPC takes messages apart by itself, gives the client's window back as it does, and says
 * nothing before a message is whole. So this looks at the data before gRPC gets it: what is too
 * much ends here, and breaks its stub.
 *
 * <p>Belongs to the connection's event loop.
 */
final class Arrivals extends Http2FrameListenerDecorator {
  private static final long SWEEP_MILLIS = 500;

  /** A message that has stood for so long gives way when there is little room. */
  private static final long STALE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** A client that was told the end of a call, and says nothing to that, has said enough. */
  private static final long END_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** When there is little room, a stub that was told to break has so long to do so. */
  private static final long BREAK_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final HostLimits limits;
  private final ArrivalBudget.Part budget;
  private final Http2ConnectionHandler handler;
  private final ChannelHandlerContext context;
  private final Http2Connection.PropertyKey owners;

  /** By their streams, the oldest first. */
  private final Map<Integer, Arrival> arrivals = new LinkedHashMap<>();

  /** Streams that the host has ended and the client hasn't, in the order of their ends. */
  private final Queue<Ended> ended = new ArrayDeque<>();

  private boolean sweeping;

  /** Whose messages come on a stream. */
  interface Owner {
    /**
     * What has begun to come is too much, and has been dropped, with all that comes behind it. To
     * take its place behind what came before it. Called on the event loop.
     */
    void overloaded(BreakCause cause);

    /**
     * How long its messages may be.
     *
     * @param maxFrameBytes how long a frame may be
     */
    default int maxMessageBytes(int maxFrameBytes) {
      return maxFrameBytes;
    }

    /**
     * Whether it wants one message, which it keeps and does nothing with before its client has
     * ended the stream.
     */
    default boolean takesOneMessage() {
      return false;
    }

    /** How many bytes the message has that is kept so, unpacked; 0 if there is none. */
    default int keptBytes() {
      return 0;
    }
  }

  private record Ended(Http2Stream stream, long sinceNanos) {}

  /** What has begun to come on one stream. */
  private static final class Arrival {
    private final Http2Stream stream;
    private final MessageScan scan = new MessageScan();
    private long sinceNanos = System.nanoTime();
    private boolean refused;

    /** The memory that the parts of its message keep from being used again. */
    private long kept;

    /** What is counted: that, and what nobody has asked for. */
    private long counted;

    private @Nullable ByteBuf lastBuffer;

    private final int maxLength;
    private final boolean one;

    /** Whether the client has said that nothing more comes. */
    private boolean ended;

    private Arrival(Http2Stream stream, int maxLength, boolean one) {
      this.stream = stream;
      this.maxLength = maxLength;
      this.one = one;
    }

    /** Whether there is something that nobody goes on with. */
    private boolean waits() {
      return scan.isInside() || (one && !ended);
    }

    /**
     * The next piece of a message has come.
     *
     * @return what it is to be kept in: a copy, if the buffer that it came in, all of which would
     *     be kept, is much larger
     */
    @SuppressWarnings("ReferenceEquality") // Two pieces of one buffer keep it but once.
    private ByteBuf keep(ByteBuf piece, ByteBufAllocator memory) {
      if (scan.hasBegun()) {
        kept = 0;
        lastBuffer = null;
        sinceNanos = one ? sinceNanos : System.nanoTime(); // One that is kept is still there.
      }
      if (!scan.isInside()) {
        return piece.retain();
      }
      ByteBuf buffer = piece.unwrap() == null ? piece : piece.unwrap();
      int size = piece.readableBytes();
      if (size < buffer.capacity() / 4 || buffer.writerIndex() < buffer.capacity() / 2) {
        kept += size;
        return memory.buffer(size).writeBytes(piece, piece.readerIndex(), size);
      }
      if (buffer != lastBuffer) {
        kept += buffer.capacity();
        lastBuffer = buffer;
      }
      return piece.retain();
    }
  }

  private Arrivals(
      HostLimits limits,
      ArrivalBudget.Part budget,
      Http2ConnectionHandler handler,
      ChannelHandlerContext context) {
    super(handler.decoder().frameListener());
    this.limits = limits;
    this.budget = budget;
    this.handler = handler;
    this.context = context;
    this.owners = handler.connection().newKey();
  }

  /** Looks from now on at what comes to this handler of a connection's frames. */
  static Arrivals watch(
      HostLimits limits,
      ArrivalBudget.Part budget,
      Http2ConnectionHandler handler,
      ChannelHandlerContext context) {
    Arrivals arrivals = new Arrivals(limits, budget, handler, context);
    handler.decoder().frameListener(arrivals);
    handler
        .connection()
        .addListener(
            new Http2ConnectionAdapter() {
              @Override
              public void onStreamHalfClosed(Http2Stream stream) {
                arrivals.halfClosed(stream);
                if (stream.state() == Http2Stream.State.HALF_CLOSED_LOCAL) {
                  arrivals.ended.add(new Ended(stream, System.nanoTime()));
                  arrivals.sweepSoon();
                }
              }

              @Override
              public void onStreamClosed(Http2Stream stream) {
                arrivals.forget(stream);
              }
            });
    return arrivals;
  }

  /** The stream that is just being opened is this one's. */
  void own(Owner owner) {
    Http2Connection http2 = handler.connection();
    http2.stream(http2.remote().lastStreamCreated()).setProperty(owners, owner);
  }

  @Override
  public int onDataRead(
      ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean endOfStream)
      throws Http2Exception {
    Arrival arrival = arrivals.isEmpty() ? null : arrivals.get(streamId);
    Http2Stream stream = handler.connection().stream(streamId);
    if (arrival == null) {
      if ((endOfStream || !takesOneMessage(stream))
          && MessageScan.isWhole(data, limits.maxFrameBytes())) {
        int processed = listener.onDataRead(ctx, streamId, data, padding, endOfStream);
        if (unread(stream) > padding) {
          measure(begin(stream), padding);
        }
        return processed;
      }
      arrival = begin(stream);
    }
    int all = data.readableBytes() + padding;
    if (arrival.refused) {
      return all;
    }
    if (!arrival.scan.next(data, arrival.maxLength)) {
      // What came before it goes its way; and of this no byte is kept.
      int before = arrival.scan.before();
      if (before > 0) {
        listener.onDataRead(ctx, streamId, data.readSlice(before), 0, false);
      }
      refuse(arrival, tooLong(arrival));
      return all - before;
    }
    arrival.ended |= endOfStream;
    ByteBuf kept = arrival.keep(data, ctx.alloc());
    if (!arrival.waits()) {
      count(arrival, 0); // Whoever gets the message counts it from now on.
    }
    int processed;
    try {
      processed = listener.onDataRead(ctx, streamId, kept, padding, endOfStream);
    } finally {
      kept.release();
    }
    measure(arrival, padding);
    return processed;
  }

  private static BreakCause tooLong(Arrival arrival) {
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "a frame has %,d bytes, expected at most %,d"
            .formatted(arrival.scan.length(), arrival.maxLength));
  }

  /** What gRPC has of the stream's data and nobody has asked for, and the padding. */
  private int unread(Http2Stream stream) {
    return handler.decoder().flowController().unconsumedBytes(stream);
  }

  // ---- what has begun to come

  private boolean takesOneMessage(Http2Stream stream) {
    Owner owner = stream.getProperty(owners);
    return owner != null && owner.takesOneMessage();
  }

  private Arrival begin(Http2Stream stream) {
    Owner owner = stream.getProperty(owners);
    int most = limits.maxFrameBytes();
    Arrival arrival =
        new Arrival(
            stream,
            owner == null ? most : owner.maxMessageBytes(most),
            owner != null && owner.takesOneMessage());
    sweepSoon();
    arrivals.put(stream.id(), arrival);
    return arrival;
  }

  /** Counts what an arrival takes by now. */
  private void measure(Arrival arrival, int padding) {
    int unread = Math.max(0, unread(arrival.stream) - padding);
    if (!arrival.waits() && unread == 0) {
      forget(arrival.stream);
      return;
    }
    Owner owner = arrival.stream.getProperty(owners);
    int whole = arrival.one && owner != null ? owner.keptBytes() : 0;
    count(arrival, (arrival.scan.isInside() ? arrival.kept : 0) + whole + unread);
    if (budget.isOver()) {
      refuse(arrival, noRoom(arrival));
    }
  }

  private void count(Arrival arrival, long bytes) {
    budget.hold(bytes - arrival.counted);
    arrival.counted = bytes;
  }

  private BreakCause noRoom(Arrival arrival) {
    if (arrival.one && !arrival.scan.isInside()) {
      return BreakCause.of(
          BreakReason.OVERLOADED,
          "no room for a message of %,d bytes whose client hasn't ended its call: %s"
              .formatted(arrival.scan.length(), budget.refusal()));
    }
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "no room for a frame of %,d bytes, of which %,d are missing: %s"
            .formatted(arrival.scan.length(), arrival.scan.missing(), budget.refusal()));
  }

  /** Nothing more of it is kept, and whose it is hears of it. */
  private void refuse(Arrival arrival, BreakCause cause) {
    if (arrival.refused) {
      return;
    }
    arrival.refused = true;
    arrival.sinceNanos = System.nanoTime();
    Owner owner = arrival.stream.getProperty(owners);
    if (owner != null) {
      owner.overloaded(cause);
    } else {
      reset(arrival.stream, Http2Error.ENHANCE_YOUR_CALM); // No service has taken the call.
    }
  }

  /** Ends a stream on both sides, as if its client had. */
  private void reset(Http2Stream stream, Http2Error why) {
    try {
      listener.onRstStreamRead(context, stream.id(), why.code());
    } catch (Http2Exception e) {
      handler.onError(context, /* outbound= */ false, e);
      return;
    }
    var _ = handler.resetStream(context, stream.id(), why.code(), context.newPromise());
    context.flush();
    forget(stream);
  }

  /** One side has said that it sends nothing more; if that is the client, in headers maybe. */
  private void halfClosed(Http2Stream stream) {
    Arrival arrival = arrivals.isEmpty() ? null : arrivals.get(stream.id());
    if (arrival != null && stream.state() == Http2Stream.State.HALF_CLOSED_REMOTE) {
      arrival.ended = true;
      if (!arrival.refused) {
        measure(arrival, 0);
      }
    }
  }

  private void forget(Http2Stream stream) {
    Arrival arrival = arrivals.remove(stream.id());
    if (arrival != null) {
      count(arrival, 0);
    }
  }

  /** The connection is closed. */
  void forgetAll() {
    for (Arrival arrival : new ArrayList<>(arrivals.values())) {
      forget(arrival.stream);
    }
    ended.clear();
  }

  private void sweepSoon() {
    if (!sweeping) {
      sweeping = true;
      scheduleSweep();
    }
  }

  private void scheduleSweep() {
    var _ = context.executor().schedule(this::sweep, SWEEP_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Looks at what has stood for long. */
  private void sweep() {
    long now = System.nanoTime();
    for (Arrival arrival : new ArrayList<>(arrivals.values())) {
      look(arrival, now - arrival.sinceNanos);
    }
    for (Ended next = ended.peek();
        next != null && now - next.sinceNanos() > END_NANOS;
        next = ended.peek()) {
      ended.remove();
      if (next.stream().state() != Http2Stream.State.CLOSED) {
        reset(next.stream(), Http2Error.NO_ERROR);
      }
    }
    sweeping = !arrivals.isEmpty() || !ended.isEmpty();
    if (sweeping) {
      scheduleSweep();
    }
  }

  private void look(Arrival arrival, long forNanos) {
    if (!arrival.refused && (arrival.one || !arrival.waits())) {
      measure(arrival, 0); // Whoever keeps a message may have got it meanwhile.
    }
    if (arrival.refused) {
      if (budget.isShort() && forNanos > BREAK_NANOS) {
        reset(arrival.stream, Http2Error.ENHANCE_YOUR_CALM);
      }
    } else if (arrival.waits()) {
      if (forNanos > limits.connections().frameLimit().toNanos()) {
        refuse(arrival, tooSlow(arrival));
      } else if (budget.isShort() && forNanos > STALE_NANOS) {
        refuse(arrival, noRoom(arrival));
      }
    }
  }

  private BreakCause tooSlow(Arrival arrival) {
    if (!arrival.scan.isInside()) {
      return BreakCause.of(
          BreakReason.OVERLOADED,
          "the client hadn't ended its call behind a message of %,d bytes at the host's"
                  .formatted(arrival.scan.length())
              + " limit on the arrival of a frame of "
              + limits.connections().frameLimit());
    }
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "a frame of %,d bytes lacked %,d of them at the host's limit on the arrival of a frame of %s"
            .formatted(
                arrival.scan.length(), arrival.scan.missing(), limits.connections().frameLimit()));
  }
}
