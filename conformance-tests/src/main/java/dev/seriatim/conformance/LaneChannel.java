package dev.seriatim.conformance;

import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.HashMap;
import java.util.Map;

/**
 * A connection on which each call of {@code Connect} is a lane of one call of {@code ConnectMany},
 * so that the cases, which know nothing of lanes, are played on them. Other calls go their own way.
 */
final class LaneChannel extends ConnectionChannel {

  /** By how their messages are compressed. Guarded by itself. */
  private final Map<String, ManyLanes> calls = new HashMap<>();

  /** Stubs of this connection are opened on lanes. */
  LaneChannel(ManagedChannel connection) {
    super(connection);
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    if (!method
        .getFullMethodName()
        .equals(DurableObjectsGrpc.getConnectMethod().getFullMethodName())) {
      return connection.newCall(method, options);
    }
    return call(options).open(method, !options.getOption(LaneCall.NO_CREDIT));
  }

  /** The call whose lanes are not compressed. */
  ManyLanes call() {
    return call(CallOptions.DEFAULT);
  }

  private ManyLanes call(CallOptions options) {
    String compressor = options.getCompressor() == null ? "" : options.getCompressor();
    synchronized (calls) {
      ManyLanes call = calls.get(compressor);
      if (call == null || call.isCancelled()) {
        call = new ManyLanes(connection, options);
        calls.put(compressor, call);
      }
      return call;
    }
  }
}
