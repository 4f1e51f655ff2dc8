package dev.seriatim.service.caller;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.peer.v1.RelayCaller;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Caller;
import io.grpc.Context;
import io.grpc.Metadata;
import org.jspecify.annotations.Nullable;

/**
 * A call that a host of a cluster hands on to another one, with who makes it. The first one has
 * asked what the caller may do; the other one answers for itself alone. Stateless.
 */
public final class HandedOn {
  private static final Metadata.Key<byte[]> CALLER =
      Metadata.Key.of("seriatim-caller-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private static final Context.Key<Boolean> KEY = Context.key("seriatim-handed-on");

  private HandedOn() {}

  /** Whether the call that runs on this thread was handed on to this host. */
  public static boolean isCurrent() {
    return KEY.get() != null;
  }

  /** Says who makes the call that runs on this thread. */
  public static void tell(Metadata headers) {
    headers.put(CALLER, CallerWire.toProto(Identity.current().caller()).toByteArray());
  }

  /** The context of a call that another host hands on with these headers. */
  public static Context heard(Metadata headers, Context context) {
    return new Identity(caller(headers.get(CALLER)), null, Authenticator.ALWAYS, null)
        .in(context.withValue(KEY, true));
  }

  /** Nobody who is known, if what was told is none. */
  private static Caller caller(byte @Nullable [] told) {
    if (told == null) {
      return Caller.anonymous();
    }
    try {
      return CallerWire.of(RelayCaller.parseFrom(told));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      return Caller.anonymous(); // A host of another version: what it may do is settled.
    }
  }
}
