package dev.seriatim.service.storage;

/** An object's alarm as it is stored: when it is next due, and how often it has failed. */
record AlarmTime(long dueMillis, int retries) {
  /** Stands for "removed" where null stands for "not changed". */
  static final AlarmTime REMOVED = new AlarmTime(-1, -1);
}
