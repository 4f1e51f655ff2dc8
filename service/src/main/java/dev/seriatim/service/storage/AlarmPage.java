package dev.seriatim.service.storage;

import java.util.List;

/**
 * Some alarms as they were read from the store, in due order.
 *
 * @param through how far the store was read: there are no others up to here. {@link AlarmPlace#END}
 *     if there are no others at all
 */
record AlarmPage(List<DueAlarm> alarms, AlarmPlace through) {
  /** There is none. */
  static final AlarmPage NONE = new AlarmPage(List.of(), AlarmPlace.END);
}
