package dev.seriatim.service.connect;

import dev.seriatim.service.caller.HandedOn;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import org.jspecify.annotations.Nullable;

/**
 * Stands before what hosts of a cluster answer for each other. Another host shows this one's token,
 * and says who calls; everybody else goes through the gate for callers.
 */
final class PeerGate implements ServerInterceptor {
  private final PeerToken token;
  private final @Nullable ServerInterceptor others;

  /**
   * A gate for hosts.
   *
   * @param token what they must show
   * @param others the gate for everybody else; null if nobody is asked
   */
  PeerGate(String token, @Nullable ServerInterceptor others) {
    this.token = new PeerToken(token);
    this.others = others;
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    if (!headers.containsKey(PeerService.TOKEN)) {
      return others == null
          ? next.startCall(call, headers)
          : others.interceptCall(call, headers, next);
    }
    if (!token.isShown(headers)) {
      return PeerToken.refuse(call);
    }
    Context context = HandedOn.heard(headers, Context.current());
    Context before = context.attach();
    try {
      return next.startCall(call, headers);
    } finally {
      context.detach(before);
    }
  }
}
