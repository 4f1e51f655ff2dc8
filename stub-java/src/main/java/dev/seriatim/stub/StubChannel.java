package dev.seriatim.stub;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;

/** The stub as a gRPC channel, whose unary calls are the stub's invocations. */
final class StubChannel extends Channel {
  private final ConnectCall connect;
  private final String authority;

  StubChannel(ConnectCall connect, String authority) {
    this.connect = connect;
    this.authority = authority;
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    return new StubClientCall<>(connect, method, options);
  }

  @Override
  public String authority() {
    return authority;
  }
}
