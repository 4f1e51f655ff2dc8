package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** R1 to R3: bare gRPC, below the generated code, and with nothing of its own in between. */
final class BareLoads {
  private BareLoads() {}

  /** R1 and R2: a bidirectional stream, one message for each call. */
  static Load.Opener stream(int port, int bytes) {
    return streams(port, bytes, 1);
  }

  /** The same on this many streams, in turn. */
  static Load.Opener streams(int port, int bytes, int count) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      Payload payload = Loads.payload(bytes);
      ClientCall.Listener<Payload> listener =
          new EndListener() {
            @Override
            public void onMessage(Payload message) {
              onAnswer.run();
            }
          };
      List<ClientCall<Payload, Payload>> calls = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        ClientCall<Payload, Payload> call =
            channel.newCall(BareGrpc.getStreamMethod(), CallOptions.DEFAULT);
        call.start(listener, new Metadata());
        call.request(Integer.MAX_VALUE);
        calls.add(call);
      }
      Supplier<ClientCall<Payload, Payload>> next = Loads.inTurn(calls);
      Runnable send =
          () -> {
            ClientCall<Payload, Payload> call = next.get();
            synchronized (call) { // A call may be made by the thread that starts the loop, too.
              call.sendMessage(payload);
            }
          };
      return new Load(send, count, channel);
    };
  }

  /** R3: a unary call for each call. */
  static Load.Opener unary(int port, int bytes) {
    return unary(port, BareGrpc.getUnaryMethod(), bytes, Metadata::new);
  }

  /**
   * Calls of a unary method.
   *
   * @param headers gives each call its own
   */
  static Load.Opener unary(
      int port, MethodDescriptor<Payload, Payload> method, int bytes, Supplier<Metadata> headers) {
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      Payload payload = Loads.payload(bytes);
      ClientCall.Listener<Payload> listener =
          new EndListener() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              super.onClose(status, trailers);
              if (status.isOk()) {
                onAnswer.run();
              }
            }
          };
      Runnable send =
          () -> {
            ClientCall<Payload, Payload> call = channel.newCall(method, CallOptions.DEFAULT);
            call.start(listener, headers.get());
            call.request(1);
            call.sendMessage(payload);
            call.halfClose();
          };
      return new Load(send, 1, channel);
    };
  }

  /** A load that ends takes its connection with it; any other failure is one. */
  private static class EndListener extends ClientCall.Listener<Payload> {
    @Override
    public void onClose(Status status, Metadata trailers) {
      switch (status.getCode()) {
        case OK, UNAVAILABLE, CANCELLED -> {}
        default -> throw status.asRuntimeException();
      }
    }
  }
}
