package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The way to a host that a route names: a channel that is made with the first call on it, and the
 * shared calls over it. Safe for any number of threads.
 */
final class RouteChannel extends Channel {
  private final String address;
  private final Function<String, ManagedChannel> maker;

  @GuardedBy("this")
  private @Nullable ManagedChannel channel;

  @GuardedBy("this")
  private @Nullable SharedCalls sharedCalls;

  RouteChannel(String address, Function<String, ManagedChannel> maker) {
    this.address = address;
    this.maker = maker;
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    return channel().newCall(method, options);
  }

  @Override
  public String authority() {
    return address;
  }

  private synchronized ManagedChannel channel() {
    if (channel == null) {
      channel = maker.apply(address);
    }
    return channel;
  }

  /** Those that the options ask for; null if they ask for none. */
  @Nullable SharedCalls sharedCalls(ClientOptions options) {
    if (options.sharedCalls() == 0) {
      return null;
    }
    synchronized (this) {
      if (sharedCalls == null) {
        sharedCalls = new SharedCalls(this, options);
      }
      return sharedCalls;
    }
  }

  /** How many lanes are on its shared calls. */
  synchronized int attached() {
    return sharedCalls == null ? 0 : sharedCalls.attached();
  }

  /**
   * Lets no more calls in, and ends the connection when those that there are have ended.
   *
   * @param now whether to end it at once
   */
  void shutdown(boolean now) {
    ManagedChannel made;
    SharedCalls shared;
    synchronized (this) {
      made = channel;
      shared = sharedCalls;
    }
    if (shared != null) {
      shared.retire();
    }
    if (made != null) {
      ManagedChannel unused = now ? made.shutdownNow() : made.shutdown();
    }
  }
}
