package dev.seriatim.service.object;

import dev.seriatim.stub.DurableObjectId;
import org.jspecify.annotations.Nullable;

/**
 * Which events someone wants to see. Immutable.
 *
 * @param namespace only of this one; null for all
 * @param id only of this object; null for all
 * @param method only turns of this one; null for all, and for what is no turn of a method
 * @param failures only what failed
 * @param slowerThanNanos only turns that ran for at least so long; 0 for all, and for what is no
 *     turn
 * @param payloads arguments and replies, too
 */
public record TailFilter(
    @Nullable String namespace,
    @Nullable DurableObjectId id,
    @Nullable String method,
    boolean failures,
    long slowerThanNanos,
    boolean payloads) {
  boolean wantsOf(LiveObject object) {
    return (namespace == null || namespace.equals(object.namespace().name()))
        && (id == null || id.equals(object.id()));
  }

  boolean wantsTurn(String ofMethod, boolean failed, long ranNanos) {
    return (method == null || method.equals(ofMethod))
        && (failed || !failures)
        && ranNanos >= slowerThanNanos;
  }

  /** A failure, and no turn. */
  boolean wantsBreaks() {
    return method == null && slowerThanNanos == 0;
  }

  /** Neither a failure nor a turn. */
  boolean wantsOthers() {
    return wantsBreaks() && !failures;
  }
}
