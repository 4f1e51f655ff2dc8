package dev.seriatim.service.storage;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The alarms that were offered and not answered yet, of all namespaces, and for how many more there
 * is room. Without a thread, clock or lock: part of an {@link AlarmIndex}.
 *
 * <p>An alarm is <i>fresh</i> for a second after it was offered; then it is <i>long</i>. Each kind
 * has a limit of its own, so that alarms that take long don't hold up those that don't. And of
 * either, no namespace may have more than four times what is left: so something is always left for
 * the others, and one namespace alone may have four fifths.
 */
final class AlarmsOnTheirWay {
  private static final int SHARE = 4;
  private static final int SOME = 10;

  /** After this time an alarm is long. */
  static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** After this time nobody waits for an answer any more. */
  static final long FORGOTTEN_NANOS = TimeUnit.MINUTES.toNanos(10);

  private final int maxFresh;
  private final int maxLong;
  private final Map<String, Share> shares = new HashMap<>();
  private int allFresh;
  private int allLong;

  AlarmsOnTheirWay(int maxFresh, int maxLong) {
    this.maxFresh = maxFresh;
    this.maxLong = maxLong;
  }

  /** What one namespace has: when each alarm was offered, the one offered first first. */
  private static final class Share {
    final LinkedHashMap<ObjectKey, Long> fresh = new LinkedHashMap<>();
    final LinkedHashMap<ObjectKey, Long> lasting = new LinkedHashMap<>();
  }

  private static boolean hasRoom(int own, int all, int max) {
    return own < (long) SHARE * (max - all);
  }

  private boolean hasLongRoom(Share share) {
    return hasRoom(share.lasting.size(), allLong, maxLong);
  }

  /** Whether one more alarm of this namespace may be offered. */
  boolean hasRoom(String namespace) {
    Share share = shares.get(namespace);
    return hasRoom(share == null ? 0 : share.fresh.size(), allFresh, maxFresh);
  }

  boolean isAny() {
    return shares.values().stream()
        .anyMatch(share -> !share.fresh.isEmpty() || !share.lasting.isEmpty());
  }

  /** Some of them, for people. */
  @Override
  public String toString() {
    List<ObjectKey> some =
        shares.values().stream()
            .flatMap(
                share ->
                    Stream.concat(share.lasting.keySet().stream(), share.fresh.keySet().stream()))
            .limit(SOME)
            .toList();
    return some.isEmpty() ? "alarms that are still due" : "the alarms of " + some;
  }

  boolean contains(ObjectKey key) {
    Share share = shares.get(key.namespace());
    return share != null && (share.fresh.containsKey(key) || share.lasting.containsKey(key));
  }

  /** This object's alarm, which is not on its way, is offered now. */
  void offered(ObjectKey key, long nowNanos) {
    shares.computeIfAbsent(key.namespace(), n -> new Share()).fresh.put(key, nowNanos);
    allFresh++;
  }

  /** What became of the object's alarm is known. */
  void answered(ObjectKey key) {
    Share share = shares.get(key.namespace());
    if (share == null) {
      return;
    }
    if (share.fresh.remove(key) != null) {
      allFresh--;
    } else if (share.lasting.remove(key) != null) {
      allLong--;
    }
  }

  /** Finds out which alarms have become long. */
  void age(long nowNanos) {
    for (Share share : shares.values()) {
      Iterator<Map.Entry<ObjectKey, Long>> oldest = share.fresh.entrySet().iterator();
      while (oldest.hasNext() && hasLongRoom(share)) {
        Map.Entry<ObjectKey, Long> entry = oldest.next();
        if (nowNanos - entry.getValue() < LONG_NANOS) {
          break;
        }
        share.lasting.put(entry.getKey(), entry.getValue());
        oldest.remove();
        allFresh--;
        allLong++;
      }
    }
  }

  /** In how many nanoseconds the next alarm becomes long, at the latest. */
  long nanosToAge(long nowNanos) {
    long least = Long.MAX_VALUE;
    for (Share share : shares.values()) {
      if (!share.fresh.isEmpty() && hasLongRoom(share)) {
        long offered = share.fresh.firstEntry().getValue();
        least = Math.min(least, LONG_NANOS - (nowNanos - offered));
      }
    }
    return least;
  }

  /** An alarm that has been on its way for so long that no answer will come; null if none has. */
  @Nullable ObjectKey forgotten(long nowNanos) {
    for (Share share : shares.values()) {
      Map.Entry<ObjectKey, Long> oldest =
          share.lasting.isEmpty() ? share.fresh.firstEntry() : share.lasting.firstEntry();
      if (oldest != null && nowNanos - oldest.getValue() >= FORGOTTEN_NANOS) {
        return oldest.getKey();
      }
    }
    return null;
  }
}
