package dev.seriatim.service.session;

import com.google.rpc.Status;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
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

  /** Whether the client reads as fast as it is sent to; may be asked from any thread. */
  boolean isReady();

  /**
   * Sends one frame.
   *
   * @param broken the last thing to be sent, if not null
   */
  void send(List<Outcome> outcomes, @Nullable Broken broken);

  /**
   * Ends what carries the session.
   *
   * @param end the code and message with which a call of its own ends
   */
  void close(Status end);
}
