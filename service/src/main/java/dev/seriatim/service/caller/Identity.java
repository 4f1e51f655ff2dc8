package dev.seriatim.service.caller;

import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Context;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What was found out of who makes an RPC. Stands in the context in which the RPC begins.
 *
 * @param caller anonymous if nobody is known
 * @param until when its credentials run out; null if they don't
 * @param refusal why it is refused; null if it isn't
 */
public record Identity(Caller caller, @Nullable Instant until, @Nullable Refusal refusal) {
  private static final Context.Key<Identity> KEY = Context.key("seriatim-identity");

  private static final Identity ANONYMOUS = new Identity(Caller.anonymous(), null, null);

  static Identity of(Authenticator.Verified verified) {
    return new Identity(verified.caller(), verified.until().orElse(null), null);
  }

  static Identity refused(Refusal refusal) {
    return new Identity(Caller.anonymous(), null, refusal);
  }

  /** That of the RPC which begins on the calling thread; anonymous if nobody was asked. */
  public static Identity current() {
    Identity current = KEY.get();
    return current == null ? ANONYMOUS : current;
  }

  /** The context in which the RPC begins. */
  public Context in(Context context) {
    return context.withValues(KEY, this, DurableObjectState.CALLER, caller);
  }
}
