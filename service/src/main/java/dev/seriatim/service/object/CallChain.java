package dev.seriatim.service.object;

import io.grpc.Context;
import org.jspecify.annotations.Nullable;

/**
 * The objects that wait for the turn that is running, that turn's own object last: each has called
 * the one behind it. Travels in the context of a turn, and from turn to turn in the metadata of the
 * invocations that objects of one host make. Immutable.
 */
public final class CallChain {
  /** The key of the chain in an invocation's metadata. Only a host's own objects may set it. */
  public static final String METADATA_KEY = "seriatim-chain";

  private static final Context.Key<CallChain> CURRENT = Context.key("seriatim-chain");
  private static final String ARROW = " > ";

  private final Instance caller;

  /** Those who wait for the caller, as they came in the metadata; empty if nobody does. */
  private final String waiting;

  private CallChain(Instance caller, String waiting) {
    this.caller = caller;
    this.waiting = waiting;
  }

  /** The chain of the turn that is running, as far as its context reaches; null outside a turn. */
  public static @Nullable CallChain current() {
    return CURRENT.get();
  }

  /**
   * This chain, for the metadata of a call. Blocks until every commit of the caller's earlier turns
   * is durable: nothing may leave an object that depends on what could still be lost. What the
   * running turn itself has written is not waited for; it is submitted when the turn ends.
   *
   * @throws dev.seriatim.service.StorageException if one of those commits is lost
   */
  public String leave() {
    caller.storage().sync();
    String own = link(caller.object());
    return waiting.isEmpty() ? own : waiting + ARROW + own;
  }

  /** The context of a turn that was called by nobody's object. */
  static Context begin(Context context, Instance instance) {
    return context.withValue(CURRENT, new CallChain(instance, ""));
  }

  /** The context of a turn that these objects wait for. */
  static Context extend(Context context, String waiting, Instance instance) {
    return context.withValue(CURRENT, new CallChain(instance, waiting));
  }

  /** Whether this object is among those that wait. */
  static boolean contains(String waiting, LiveObject object) {
    return (waiting + ARROW).contains(link(object) + ARROW);
  }

  private static String link(LiveObject object) {
    return object.namespace().name() + "/id:" + object.id();
  }
}
