package dev.seriatim.conformance;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.stub.MetadataUtils;

/** A connection whose calls show a bearer token. */
final class CallerChannel extends ConnectionChannel {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final io.grpc.Channel showing;

  /** Calls on this connection show this token. */
  CallerChannel(ManagedChannel connection, String token) {
    super(connection);
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
}
