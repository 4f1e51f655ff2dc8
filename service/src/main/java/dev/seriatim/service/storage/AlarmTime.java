package dev.seriatim.service.storage;

/**
 * An object's alarm as it is stored.
 *
 * @param dueMillis when it is next due, or was last due if it is given up
 * @param retries how often it has failed
 */
record AlarmTime(long dueMillis, int retries) {
  /** An alarm that has failed is tried again this often; after that it is given up. */
  static final int MAX_RETRIES = 6;

  /** Stands for "removed" where null stands for "not changed". */
  static final AlarmTime REMOVED = new AlarmTime(-1, -1);

  /** Whether it is to run. One that isn't was given up, and stays to be found; or it is removed. */
  boolean isSet() {
    return retries >= 0 && retries <= MAX_RETRIES;
  }

  /** Whether it is to run by now. */
  boolean isDue(long nowMillis) {
    return isSet() && dueMillis <= nowMillis;
  }

  /** Whether there is one, also if it was given up. */
  boolean isThere() {
    return retries >= 0;
  }

  /** The same, after its last try has failed. */
  AlarmTime givenUp() {
    return new AlarmTime(dueMillis, MAX_RETRIES + 1);
  }
}
