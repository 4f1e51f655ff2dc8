package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakReason;
import org.jspecify.annotations.Nullable;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * What a record in the log is about beside its object, as far as that is known: keys that
 * docs/logs.md lists.
 *
 * @param method the short name of a method, or what stands for it
 * @param sequence the number of an invocation in its stub; 0 if it is about none
 * @param reason that with which a stub breaks
 */
record LogSubject(@Nullable String method, long sequence, @Nullable BreakReason reason) {
  /** The object, and nothing in particular. */
  static final LogSubject OBJECT = new LogSubject(null, 0, null);

  static LogSubject of(Turn turn) {
    return of(turn.method(), turn.sequence());
  }

  /**
   * An invocation.
   *
   * @param method as its client has named it: with its service before it, or without
   */
  static LogSubject of(String method, long sequence) {
    return new LogSubject(method.substring(method.lastIndexOf('/') + 1), sequence, null);
  }

  /** The same, and that a stub breaks for this reason. */
  LogSubject breaking(BreakReason why) {
    return new LogSubject(method, sequence, why);
  }

  /** Adds the keys to a record. */
  LoggingEventBuilder on(LoggingEventBuilder event) {
    LoggingEventBuilder with = event;
    if (method != null) {
      with = with.addKeyValue("method", method);
    }
    if (sequence != 0) {
      with = with.addKeyValue("sequence", sequence);
    }
    return reason == null ? with : with.addKeyValue("reason", reason);
  }
}
