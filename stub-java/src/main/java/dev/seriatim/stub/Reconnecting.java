package dev.seriatim.stub;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Bounds how long a channel waits between two attempts to connect, which gRPC lets grow to two
 * minutes. Threads: the channel's own, and the scheduler's.
 */
final class Reconnecting {
  private static final double JITTER = 0.2; // Up to so much more or less.

  private final ManagedChannel channel;
  private final ClientOptions options;

  Reconnecting(ManagedChannel channel, ClientOptions options) {
    this.channel = channel;
    this.options = options;
  }

  /** Watches the channel from now on, until it is shut down. */
  void begin() {
    ConnectivityState state = channel.getState(false);
    if (state == ConnectivityState.SHUTDOWN) {
      return;
    }
    channel.notifyWhenStateChanged(state, this::begin);
    if (state == ConnectivityState.TRANSIENT_FAILURE) {
      pause();
    }
  }

  private void pause() {
    double factor = 1 + JITTER * (2 * ThreadLocalRandom.current().nextDouble() - 1);
    long nanos = (long) (options.maxReconnectDelay().toNanos() * factor);
    try {
      var unused = options.scheduler().schedule(this::tryAgain, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      // Whoever shut the scheduler down is done with this client, too.
    }
  }

  /** The state stays the same during the attempt, and after it unless it succeeds. */
  private void tryAgain() {
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      channel.resetConnectBackoff();
      pause();
    }
  }
}
