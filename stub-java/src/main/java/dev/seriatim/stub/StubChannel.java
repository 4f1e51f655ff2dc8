package dev.seriatim.stub;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import java.lang.ref.Reference;

/**
 * The stub as a gRPC channel, whose unary calls are the stub's invocations. It is also what all who
 * can still make a call hold on to, and nothing else does: when it is collected, the stub has been
 * dropped; see {@link DroppedStubs}.
 */
final class StubChannel extends Channel {
  private final Session session;
  private final String authority;

  StubChannel(Session session, String authority) {
    this.session = session;
    this.authority = authority;
  }

  ClientOptions options() {
    return session.options();
  }

  /** Takes a call in, and gives it its number before it returns; or fails it at once. */
  void submit(PendingCall call) {
    try {
      if (session.submit(call)) {
        session.whenEnded().watchedBy(DroppedStubs.watch(this, session));
      }
    } finally {
      Reference.reachabilityFence(this); // Until here the stub is in use.
    }
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    return new StubClientCall<>(this, method, options);
  }

  @Override
  public String authority() {
    return authority;
  }
}
