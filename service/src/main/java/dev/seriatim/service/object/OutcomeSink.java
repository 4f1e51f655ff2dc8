package dev.seriatim.service.object;

import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import io.grpc.Status;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the outcomes of one stub go. A {@link StubQueue} is its only user, calls {@link #send} and
 * {@link #close} from one thread at a time, and nothing after {@link #close}.
 */
public interface OutcomeSink {
  /** Whether the client reads as fast as it is sent to; may be asked from any thread. */
  boolean isReady();

  /**
   * Sends one frame.
   *
   * @param broken the last thing to be sent, if not null
   */
  void send(List<Outcome> outcomes, @Nullable Broken broken);

  /** Ends the call. */
  void close(Status status);
}
