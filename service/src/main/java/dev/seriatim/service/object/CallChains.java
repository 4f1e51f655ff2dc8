package dev.seriatim.service.object;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.wire.Invocation;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The chains of those turns of one host that run and have called another object. Safe for any
 * number of threads.
 */
final class CallChains {
  private final AtomicLong added = new AtomicLong();
  private final ConcurrentMap<String, CallChain> byKey = new ConcurrentHashMap<>();

  /** Makes a chain known, until it is removed by the key that this returns. */
  String add(CallChain chain) {
    String key = Long.toString(added.incrementAndGet());
    byKey.put(key, chain);
    return key;
  }

  void remove(String key) {
    byKey.remove(key);
  }

  /** Who waits for an invocation by an object of this host; null if nobody does any more. */
  @Nullable CallChain find(Invocation invocation) {
    if (!invocation.hasMetadata()) {
      return null;
    }
    try {
      String key = invocation.metadata().get(CallChain.METADATA_KEY);
      return key == null ? null : byKey.get(key);
    } catch (InvalidProtocolBufferException e) {
      return null; // It is refused when its turn comes.
    }
  }
}
