package dev.seriatim.stub;

import io.grpc.Attributes;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;

/**
 * Learns whether a call has come as far as a connection, which gRPC's status doesn't tell of one
 * that waits. Safe for any number of threads.
 */
final class ConnectionWatch extends ClientStreamTracer.Factory {
  private volatile boolean connected; // Written by the transport's thread.

  boolean isConnected() {
    return connected;
  }

  @Override
  public ClientStreamTracer newClientStreamTracer(
      ClientStreamTracer.StreamInfo info, Metadata headers) {
    return new ClientStreamTracer() {
      @Override
      public void streamCreated(Attributes transport, Metadata sent) {
        connected = true;
      }
    };
  }
}
