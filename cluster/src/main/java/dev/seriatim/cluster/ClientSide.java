package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.OneWriter;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.FrameScan;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a relay gives to its client, as fast as that reads. Any thread may put something in; whoever
 * flushes writes, one thread at a time.
 */
final class ClientSide extends OneWriter {
  private static final Logger logger = LoggerFactory.getLogger(ClientSide.class);

  private final Relay relay;
  private final Attachment client;

  @GuardedBy("this")
  private final ArrayDeque<Given> given = new ArrayDeque<>(2);

  /** Whether all was given. Written under the lock. */
  private volatile boolean isEmpty = true;

  /**
   * A frame, or a break, or the end.
   *
   * @param from which way it has come, to be told when the client has taken it
   */
  private record Given(
      @Nullable Way from,
      @Nullable EncodedFrame frame,
      @Nullable Broken broken,
      @Nullable Status end) {
    boolean hasOutcomes() {
      return frame != null && FrameScan.hasOutcomes(frame.bytes());
    }
  }

  ClientSide(Relay relay, Attachment client) {
    this.relay = relay;
    this.client = client;
  }

  Attachment client() {
    return client;
  }

  /** Whether an answer may go to the client past this: nothing is here, and it reads. */
  boolean isFree() {
    return isEmpty && client.isReady();
  }

  /** Whether the stub's end may go to the client past this, with no outcome before it. */
  boolean isFreeToEnd() {
    return isEmpty && client.isReadyToEnd();
  }

  void frame(Way from, EncodedFrame frame) {
    add(new Given(from, frame, null, null));
  }

  void end(@Nullable Broken broken, Status status) {
    add(new Given(null, null, broken, status));
  }

  private synchronized void add(Given more) {
    given.add(more);
    isEmpty = false;
  }

  @Override
  protected boolean sendNext() {
    Given next;
    synchronized (this) {
      next = given.peek();
      if (next == null || !takes(next)) {
        return false;
      }
    }
    try {
      send(next);
    } finally {
      synchronized (this) {
        given.poll();
        isEmpty = given.isEmpty();
      }
    }
    if (next.frame != null && next.from != null && next.hasOutcomes()) {
      next.from.taken(next.frame.size());
    }
    return true;
  }

  private boolean takes(Given next) {
    return client.isReady() || (!next.hasOutcomes() && client.isReadyToEnd());
  }

  private void send(Given next) {
    try {
      if (next.frame != null) {
        client.sendFrame(next.frame);
      } else if (next.broken != null) {
        client.send(List.of(), next.broken);
      }
    } catch (IOException e) {
      throw new IllegalStateException("the owner has sent what is no frame", e);
    }
    if (next.end != null) {
      client.close(next.end);
    }
  }

  @Override
  protected void flushed() {
    if (isEmpty) {
      relay.allGiven();
    }
  }

  @Override
  protected void failed(Throwable thrown) {
    relay
        .address()
        .on(logger.atWarn())
        .setCause(thrown)
        .log("a stub is lost: what carries it failed");
    synchronized (this) {
      given.clear();
      isEmpty = true;
    }
    relay.cancel();
    try {
      client.close(
          Status.newBuilder()
              .setCode(Code.INTERNAL_VALUE)
              .setMessage("the host could not pass the stub on")
              .build());
    } catch (RuntimeException | Error e) {
      relay
          .address()
          .on(logger.atDebug())
          .setCause(e)
          .log("what carried a stub, which is lost, stays open");
    }
  }
}
