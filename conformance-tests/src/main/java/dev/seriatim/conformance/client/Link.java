package dev.seriatim.conformance.client;

import com.google.protobuf.ByteString;
import dev.seriatim.conformance.v1.HostEnd;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What carries one stub's frames to its client: a call of its own, or a lane of a shared one. */
interface Link {
  /**
   * Sends frames, and behind them the end, if there is one. What can't be sent since the client has
   * given up is dropped: it may do so at any time, so that alone is no problem.
   *
   * @throws ScriptException if the client never let them be sent
   */
  void send(List<ByteString> frames, @Nullable HostEnd end)
      throws ScriptException, InterruptedException;

  /** Whether the client has made it to the second host of the case. */
  boolean atSecondHost();

  /** What the header {@code authorization} of the gRPC call says; null if it has none. */
  @Nullable String authorization();

  /** The shared call whose lane it is; none, if it is a call of its own. */
  @Nullable HostManyCall sharedCall();
}
