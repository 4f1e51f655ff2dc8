package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.Channel;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The shared calls of one client, over which its stubs are spread in turn. Safe for any number of
 * threads.
 */
final class SharedCalls {
  private static final Logger LOGGER = Logger.getLogger(SharedCalls.class.getName());

  private final Channel channel;
  private final ClientOptions options;

  @GuardedBy("this")
  private final @Nullable SharedCall[] calls;

  @GuardedBy("this")
  private int turn;

  /** The host is known to have none. */
  @GuardedBy("this")
  private boolean unserved;

  SharedCalls(Channel channel, ClientOptions options) {
    this.channel = channel;
    this.options = options;
    this.calls = new SharedCall[options.sharedCalls()];
  }

  /** Those that the options ask for; null if they ask for none. */
  static @Nullable SharedCalls of(Channel channel, ClientOptions options) {
    return options.sharedCalls() == 0 ? null : new SharedCalls(channel, options);
  }

  Channel channel() {
    return channel;
  }

  ClientOptions options() {
    return options;
  }

  /** The call whose turn it is to take a lane; null if the host has none. */
  synchronized @Nullable SharedCall next() {
    if (unserved) {
      return null;
    }
    turn = (turn + 1) % calls.length;
    SharedCall call = calls[turn];
    if (call == null || !call.takesLanes()) {
      call = new SharedCall(this);
      calls[turn] = call;
    }
    return call;
  }

  /** The host has no shared calls: each stub has a call of its own from now on. */
  void notServed() {
    synchronized (this) {
      unserved = true;
    }
    LOGGER.log(Level.FINE, "The host has no ConnectMany: each stub has a call of its own.");
  }

  /** Each of them ends as soon as no lane is left on it. */
  void retire() {
    known().forEach(SharedCall::retire);
  }

  /** How many lanes are on them. */
  int attached() {
    return known().stream().mapToInt(SharedCall::attached).sum();
  }

  private synchronized List<SharedCall> known() {
    return Arrays.stream(calls).filter(Objects::nonNull).toList();
  }
}
