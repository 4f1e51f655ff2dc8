package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.util.Collection;
import java.util.Map;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * What an instance reads of its object, as it is when all that was submitted is durable. Whoever
 * calls doesn't hold the monitor of the object's log: the store may be asked.
 */
interface ObjectReads {
  /** The value of this key; null if it has none. */
  @Nullable ByteString read(TurnBracket instance, String key);

  /** The values of those of these keys that have one, in no order. The store is asked once. */
  Map<String, ByteString> read(TurnBracket instance, Collection<String> keys);

  /** The entries in this range with the turn's own writes, already cut to the range, laid over. */
  Map<String, ByteString> list(TurnBracket instance, Range range, NavigableMap<String, Write> own);

  /** The alarm as of the last commit; null if there is none. */
  @Nullable AlarmTime readAlarm(TurnBracket instance);
}
