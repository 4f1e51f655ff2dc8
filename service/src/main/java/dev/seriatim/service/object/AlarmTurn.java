package dev.seriatim.service.object;

import dev.seriatim.service.storage.Alarm;

/** The execution of the object's alarm. */
final class AlarmTurn extends Turn {
  private final Alarm alarm;

  AlarmTurn(long number, Instance instance, Alarm alarm) {
    super(number, instance);
    this.alarm = alarm;
  }

  Alarm alarm() {
    return alarm;
  }

  @Override
  public String toString() {
    return "the alarm";
  }
}
