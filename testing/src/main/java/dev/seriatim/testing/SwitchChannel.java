package dev.seriatim.testing;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import org.jspecify.annotations.Nullable;

/** A channel whose connection a test cuts. Safe for any number of threads. */
final class SwitchChannel extends Channel {
  /** Null until there is a host. */
  private volatile @Nullable ManagedChannel current;

  /** Connects anew. What was there is cut: its calls are lost. */
  void connect(ManagedChannel next) {
    ManagedChannel before = current;
    current = next;
    if (before != null) {
      before.shutdownNow();
    }
  }

  /** Cuts the connection; calls fail until there is another one. */
  void cut() {
    ManagedChannel before = current;
    if (before != null) {
      before.shutdownNow();
    }
  }

  private ManagedChannel current() {
    ManagedChannel channel = current;
    if (channel == null) {
      throw new IllegalStateException("the host was not started");
    }
    return channel;
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    return current().newCall(method, options);
  }

  @Override
  public String authority() {
    return current().authority();
  }
}
