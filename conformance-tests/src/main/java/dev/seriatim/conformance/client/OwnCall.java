package dev.seriatim.conformance.client;

import com.google.protobuf.ByteString;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.v1.ConnectRequest;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A call of {@code Connect}, which is one stub's own. */
final class OwnCall extends ServerCall.Listener<ConnectRequest> implements Link {
  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final ServerCall<ConnectRequest, byte[]> call;
  private final @Nullable String authorization;
  private final ScriptedHost host;
  private final HostCall stub;

  private boolean headersSent; // Of the script's thread.

  OwnCall(ServerCall<ConnectRequest, byte[]> call, Metadata headers, ScriptedHost host) {
    this.call = call;
    this.authorization = headers.get(AUTHORIZATION);
    this.host = host;
    this.stub = host.stubsCall(this);
  }

  void start() {
    call.request(host.stopsReading() ? 1 : Integer.MAX_VALUE);
  }

  // ---- what the client does

  @Override
  public void onMessage(ConnectRequest frame) {
    stub.frame(frame);
    if (host.stopsReading() && stub.takesMore()) {
      call.request(1);
    }
  }

  @Override
  public void onHalfClose() {
    stub.halfClosed();
  }

  @Override
  public void onCancel() {
    stub.cancelled();
  }

  @Override
  public void onComplete() {
    stub.ended();
  }

  // ---- what the script does

  @Override
  public void send(List<ByteString> frames, @Nullable HostEnd end) throws ScriptException {
    for (ByteString frame : frames) {
      send(frame);
    }
    if (end != null) {
      close(end);
    }
  }

  @Override
  public boolean atSecondHost() {
    return host.isSecond(call);
  }

  @Override
  public @Nullable String authorization() {
    return authorization;
  }

  @Override
  public @Nullable HostManyCall sharedCall() {
    return null;
  }

  private void send(ByteString frame) throws ScriptException {
    if (call.isCancelled()) {
      return;
    }
    try {
      if (!headersSent) {
        headersSent = true;
        call.sendHeaders(new Metadata());
      }
      call.sendMessage(frame.toByteArray());
    } catch (IllegalStateException e) {
      throw new ScriptException("can't send a frame: " + e.getMessage());
    }
  }

  private void close(HostEnd end) {
    try {
      call.close(status(end), trailers(end));
    } catch (IllegalStateException e) {
      // It has ended.
    }
  }

  static Status status(HostEnd end) {
    Status status = Status.fromCodeValue(end.getCodeValue());
    return end.getMessage().isEmpty() ? status : status.withDescription(end.getMessage());
  }

  static Metadata trailers(HostEnd end) {
    com.google.rpc.Status details = HostFrames.details(end);
    if (details.getDetailsCount() > 0) {
      StatusRuntimeException withDetails = StatusProto.toStatusRuntimeException(details);
      if (withDetails.getTrailers() != null) {
        return withDetails.getTrailers();
      }
    }
    return new Metadata();
  }
}
