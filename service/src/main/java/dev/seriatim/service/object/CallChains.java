package dev.seriatim.service.object;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.wire.Invocation;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The chains of those turns of one host that run and have called another object. Their keys are
 * known to be of this host, also at others. Safe for any number of threads.
 */
final class CallChains {
  /** What is before the number in a key, and in those of no other host. */
  private final String host = Long.toString(new SecureRandom().nextLong(), Character.MAX_RADIX);

  private final AtomicLong added = new AtomicLong();
  private final ConcurrentMap<String, CallChain> byKey = new ConcurrentHashMap<>();

  /** Makes a chain known, until it is removed by the key that this returns. */
  String add(CallChain chain) {
    String key = host + ":" + added.incrementAndGet();
    byKey.put(key, chain);
    return key;
  }

  void remove(String key) {
    byKey.remove(key);
  }

  /** The chain of a turn of this host that still runs; null if there is none. */
  @Nullable CallChain byKey(String key) {
    return byKey.get(key);
  }

  /** Who waits for an invocation that an object makes; null if nobody does any more. */
  @Nullable WaitingChain find(Invocation invocation) {
    if (!invocation.hasMetadata()) {
      return null;
    }
    try {
      String key = invocation.metadata().get(CallChain.METADATA_KEY);
      if (key == null) {
        return null;
      }
      CallChain here = byKey.get(key);
      return here != null || isOfThisHost(key) ? here : new RemoteChain(this, key);
    } catch (InvalidProtocolBufferException e) {
      return null; // It is refused when its turn comes.
    }
  }

  /** Why this object may not be called so: it waits for one of the calls itself. Null if it may. */
  @Nullable BreakCause refusal(LiveObject called, List<Invocation> invocations) {
    for (Invocation invocation : invocations) {
      WaitingChain chain = find(invocation);
      if (chain != null && chain.hasWaiting(called)) {
        return BreakCause.of(
                BreakReason.CALL_CYCLE,
                "%s waits for this call, and would be called by it: %s".formatted(called, chain))
            .blaming(invocation.sequence());
      }
    }
    return null;
  }

  /** Whether this is one key of this host; it may have been removed. */
  private boolean isOfThisHost(String key) {
    return key.startsWith(host + ":") && key.indexOf(' ') < 0;
  }
}
