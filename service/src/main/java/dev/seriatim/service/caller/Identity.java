package dev.seriatim.service.caller;

import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Context;
import java.time.Instant;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What was found out of who makes an RPC. Stands in the context in which the RPC begins.
 *
 * @param caller anonymous if nobody is known
 * @param until when its credentials run out; null if they don't
 * @param counts whether its credentials are still that caller's
 * @param refusal why it is refused; null if it isn't
 */
public record Identity(
    Caller caller, @Nullable Instant until, BooleanSupplier counts, @Nullable Refusal refusal) {
  private static final Context.Key<Identity> KEY = Context.key("seriatim-identity");

  private static final Identity ANONYMOUS =
      new Identity(Caller.anonymous(), null, Authenticator.ALWAYS, null);

  static Identity of(Authenticator.Verified verified) {
    return new Identity(verified.caller(), verified.until().orElse(null), verified.counts(), null);
  }

  static Identity refused(Refusal refusal) {
    return new Identity(Caller.anonymous(), null, Authenticator.ALWAYS, refusal);
  }

  /** Whether its credentials may be taken back. */
  @SuppressWarnings("ReferenceEquality") // It is that very one which says so.
  boolean isRevocable() {
    return counts != Authenticator.ALWAYS;
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
