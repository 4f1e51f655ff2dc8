package dev.seriatim.service.session;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseFrame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What carries a session at the moment, as the session knows it: where its outcomes go. A {@link
 * Session} is its only user, calls {@link #send} and {@link #close} from one thread at a time, and
 * nothing after {@link #close}.
 */
public interface Attachment {
  /**
   * Whether what the client sends comes on a thread of a network's transport, on which turns may
   * begin. The thread of a caller in the same process is not for that: it may hold a lock, and the
   * JVM falls over if a virtual thread that is mounted on such a thread has to wait.
   */
  default boolean isOnTransport() {
    return true;
  }

  /** How many of the stub's invocations were completed elsewhere, before it came to this host. */
  default long completedThrough() {
    return 0;
  }

  /** Whether it is an object that has opened the stub, here or on another host. */
  default boolean isFromObject() {
    return false;
  }

  /** Who has opened the stub; null if nobody known has, and may do everything. */
  default @Nullable StubCaller caller() {
    return null;
  }

  /** Where the client is, such as {@code 10.0.0.7:53211}; empty if that isn't known. */
  default String peer() {
    return "";
  }

  /** Whether the client reads as fast as it is sent to; may be asked from any thread. */
  boolean isReady();

  /**
   * Whether it takes the stub's end, with no outcome before it; may be asked from any thread.
   * Outcomes may have to wait for what their end doesn't need.
   */
  default boolean isReadyToEnd() {
    return isReady();
  }

  /**
   * Says that the stub is open, if that has to wait for the session. Before anything else is sent.
   */
  default void sendOpened(Opened opened) {
    throw new IllegalStateException("a stub that isn't resumable is opened by what carries it");
  }

  /** What was invoked has an outcome already, which is told again. Before it is sent. */
  default void replayed() {}

  /**
   * Sends one frame.
   *
   * @param broken the last thing to be sent, if not null
   */
  void send(List<Outcome> outcomes, @Nullable Broken broken);

  /**
   * Sends one frame that another host has made.
   *
   * @param frame a {@code ConnectResponse}
   * @throws IOException if it is none, which not everyone looks at
   */
  default void sendFrame(EncodedFrame frame) throws IOException {
    ResponseFrame read = ResponseFrame.parse(frame.bytes());
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < read.outcomes(); i++) {
      ByteString message = read.message(i);
      outcomes.add(
          new Outcome(
              read.sequence(i),
              Content.of(message == null ? ByteString.EMPTY : message),
              /* json= */ null));
    }
    send(outcomes, read.broken());
  }

  /**
   * Ends what carries the session.
   *
   * @param end the code and message with which a call of its own ends
   */
  void close(Status end);
}
