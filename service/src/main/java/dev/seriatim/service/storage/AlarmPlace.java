package dev.seriatim.service.storage;

/** A place in the order in which the alarms of a store are due. */
record AlarmPlace(long dueMillis, long row) {
  /** Before every alarm. */
  static final AlarmPlace START = new AlarmPlace(Long.MIN_VALUE, Long.MIN_VALUE);

  /** Behind every alarm. */
  static final AlarmPlace END = new AlarmPlace(Long.MAX_VALUE, Long.MAX_VALUE);
}
