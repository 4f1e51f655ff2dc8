package dev.seriatim.conformance;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.TimeUnit;

/** A connection whose calls show a bearer token. */
final class CallerChannel extends ManagedChannel {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel connection;
  private final io.grpc.Channel showing;

  /** Calls on this connection show this token. */
  CallerChannel(ManagedChannel connection, String token) {
    this.connection = connection;
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + token);
    showing =
        ClientInterceptors.intercept(
            connection, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    return showing.newCall(method, options);
  }

  // ---- the connection's own

  @Override
  public String authority() {
    return connection.authority();
  }

  @Override
  public ManagedChannel shutdown() {
    connection.shutdown();
    return this;
  }

  @Override
  public boolean isShutdown() {
    return connection.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return connection.isTerminated();
  }

  @Override
  public ManagedChannel shutdownNow() {
    connection.shutdownNow();
    return this;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return connection.awaitTermination(timeout, unit);
  }
}
