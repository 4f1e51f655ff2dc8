package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Connection;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Error;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Exception;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Exception.CompositeStreamException;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Stream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what a connection can't send now, as its client gives it no window or reads nothing, and
 * hands it to Netty's flow control when it can, few streams at a time. Netty would keep it as well,
 * but takes a stream with something to send apart at twenty times the price: it makes errors for
 * it, and looks for it among all others that wait. Where a client calls ten thousand times, takes
 * no answer and cuts the connection, that would hold its thread, and so its neighbours, for a
 * second.
 *
 * <p>The frames of a stream keep their order. Streams are handed on in the order in which they
 * began to wait; those that Netty has share what can be sent, so that one with much to send doesn't
 * hold the others up. Belongs to the connection's event loop.
 */
final class WaitingFrames implements Http2RemoteFlowController {
  /**
   * Why a frame was never sent: its stream is closed, which all know who could be told. So it names
   * no stream, and where it was made says nothing.
   */
  @SuppressWarnings("StaticAssignmentOfThrowable") // To make one for each is what took so long.
  private static final Throwable NEVER_SENT =
      new CompositeStreamException(Http2Error.STREAM_CLOSED, 0);

  /** How many streams that were handed on may still have something to send. */
  private static final int MOST_HANDED_ON = 64;

  private final Http2RemoteFlowController flow;
  private final Http2Stream connection;

  /** Of streams that wait for the connection, as far as is known. */
  private final Map<Http2Stream, Queue<FlowControlled>> waiting = new LinkedHashMap<>();

  /** Of streams whose own windows are used up, too. */
  private final Map<Http2Stream, Queue<FlowControlled>> stalled = new LinkedHashMap<>();

  /** Streams that were handed on, and of which Netty may still have something. */
  private final List<Http2Stream> handedOn = new ArrayList<>();

  private boolean writing;

  /** Whether it was to write while it did. */
  private boolean again;

  private WaitingFrames(Http2Connection http2) {
    this.flow = http2.remote().flowController();
    this.connection = http2.connectionStream();
  }

  /** Keeps from now on what this connection can't send. */
  static WaitingFrames watch(Http2Connection http2) {
    WaitingFrames frames = new WaitingFrames(http2);
    http2.remote().flowController(frames);
    http2.addListener(
        new Http2ConnectionAdapter() {
          @Override
          public void onStreamClosed(Http2Stream stream) {
            frames.drop(stream);
          }
        });
    return frames;
  }

  /** How many streams have something here. */
  int streams() {
    return waiting.size() + stalled.size();
  }

  // ---- what waits

  @Override
  public void addFlowControlled(Http2Stream stream, FlowControlled frame) {
    Queue<FlowControlled> before = queue(stream);
    if (before != null) {
      before.add(frame);
    } else if (frame.size() == 0 || flow.hasFlowControlled(stream) || canSend(stream)) {
      flow.addFlowControlled(stream, frame);
    } else {
      Queue<FlowControlled> queue = new ArrayDeque<>(2);
      queue.add(frame);
      waiting.put(stream, queue);
    }
  }

  private @Nullable Queue<FlowControlled> queue(Http2Stream stream) {
    if (streams() == 0) {
      return null;
    }
    Queue<FlowControlled> queue = waiting.get(stream);
    return queue == null ? stalled.get(stream) : queue;
  }

  private boolean canSend(Http2Stream stream) {
    return flow.windowSize(stream) > 0 && room() > 0;
  }

  /** How many bytes the connection can take. */
  private long room() {
    ChannelHandlerContext context = flow.channelHandlerContext();
    if (context == null) {
      return 0;
    }
    Channel channel = context.channel();
    return channel.isWritable()
        ? Math.min(channel.bytesBeforeUnwritable(), flow.windowSize(connection))
        : 0;
  }

  private void drop(Http2Stream stream) {
    Queue<FlowControlled> queue = queue(stream);
    if (queue != null) {
      waiting.remove(stream);
      stalled.remove(stream);
      queue.forEach(frame -> frame.error(flow.channelHandlerContext(), NEVER_SENT));
    }
  }

  @Override
  public boolean hasFlowControlled(Http2Stream stream) {
    return flow.hasFlowControlled(stream) || queue(stream) != null;
  }

  @Override
  public boolean isWritable(Http2Stream stream) {
    return flow.isWritable(stream) && queue(stream) == null;
  }

  // ---- what goes on

  @Override
  public void writePendingBytes() throws Http2Exception {
    if (writing) {
      again = true;
      return;
    }
    writing = true;
    try {
      boolean more;
      do {
        again = false;
        // First, or what Netty has by now would take the whole window each time.
        more = !waiting.isEmpty() && handOn();
        flow.writePendingBytes();
      } while (more || again);
    } finally {
      writing = false;
    }
  }

  /**
   * Hands on streams for which the connection has room.
   *
   * @return whether there were any
   */
  private boolean handOn() {
    // One whose own window is used up can't be waited for: it may never get another.
    handedOn.removeIf(stream -> !flow.hasFlowControlled(stream) || flow.windowSize(stream) <= 0);
    List<Map.Entry<Http2Stream, Queue<FlowControlled>>> next = new ArrayList<>();
    Iterator<Map.Entry<Http2Stream, Queue<FlowControlled>>> all = waiting.entrySet().iterator();
    long room = room();
    while (room > 0 && handedOn.size() + next.size() < MOST_HANDED_ON && all.hasNext()) {
      Map.Entry<Http2Stream, Queue<FlowControlled>> each = all.next();
      all.remove();
      int window = flow.windowSize(each.getKey());
      if (window > 0) {
        next.add(each);
        room -= Math.min(window, each.getValue().stream().mapToLong(FlowControlled::size).sum());
      } else {
        stalled.put(each.getKey(), each.getValue());
      }
    }
    // Not while it is looked for: what a frame has others do could change what there is.
    for (Map.Entry<Http2Stream, Queue<FlowControlled>> each : next) {
      each.getValue().forEach(frame -> flow.addFlowControlled(each.getKey(), frame));
      handedOn.add(each.getKey());
    }
    return !next.isEmpty();
  }

  @Override
  public void incrementWindowSize(Http2Stream stream, int delta) throws Http2Exception {
    flow.incrementWindowSize(stream, delta);
    if (!stalled.isEmpty() && flow.windowSize(stream) > 0) {
      Queue<FlowControlled> queue = stalled.remove(stream);
      if (queue != null) {
        waiting.put(stream, queue);
      }
    }
  }

  @Override
  public void initialWindowSize(int size) throws Http2Exception {
    try {
      flow.initialWindowSize(size);
    } finally {
      waiting.putAll(stalled); // Whose windows are used up all the same come back.
      stalled.clear();
    }
  }

  // ---- what is Netty's alone

  @Override
  public int initialWindowSize() {
    return flow.initialWindowSize();
  }

  @Override
  public int windowSize(Http2Stream stream) {
    return flow.windowSize(stream);
  }

  @Override
  public void channelHandlerContext(ChannelHandlerContext context) throws Http2Exception {
    flow.channelHandlerContext(context);
  }

  @Override
  public ChannelHandlerContext channelHandlerContext() {
    return flow.channelHandlerContext();
  }

  @Override
  public void channelWritabilityChanged() throws Http2Exception {
    flow.channelWritabilityChanged();
  }

  @Override
  public void listener(Listener listener) {
    flow.listener(listener);
  }

  @Override
  public void updateDependencyTree(int child, int parent, short weight, boolean exclusive) {
    flow.updateDependencyTree(child, parent, weight, exclusive);
  }
}
