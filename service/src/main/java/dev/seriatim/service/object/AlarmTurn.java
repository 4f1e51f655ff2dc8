package dev.seriatim.service.object;

import dev.seriatim.service.storage.Alarm;
import org.jspecify.annotations.Nullable;

/** The execution of the object's alarm. */
final class AlarmTurn extends Turn {
  /** What stands for the name of a method. */
  static final String METHOD = Alarm.METHOD;

  private final Alarm alarm;
  private final Order.@Nullable RunAlarm order;

  /** Tells of it; null if nobody follows what happens. */
  private final @Nullable TurnTail tail;

  /** Who follows it; null if nobody does. */
  private final @Nullable TurnTrace trace;

  /** Written by the turn's thread; read by whoever cuts it off. */
  private volatile boolean handling;

  /**
   * @param order who wants it to run now; null if it is due
   */
  AlarmTurn(
      long number,
      Instance instance,
      Alarm alarm,
      Order.@Nullable RunAlarm order,
      @Nullable TurnTail tail,
      @Nullable TurnTrace trace) {
    super(number, instance);
    this.tail = tail;
    this.trace = trace;
    this.alarm = alarm;
    this.order = order;
  }

  @Nullable TurnTail tail() {
    return tail;
  }

  Alarm alarm() {
    return alarm;
  }

  /** Who wants it to run now; null if it is due. */
  Order.@Nullable RunAlarm order() {
    return order;
  }

  @Override
  @Nullable TurnTrace trace() {
    return trace;
  }

  /** From now on the object's own handler runs. */
  void handle() {
    handling = true;
  }

  /** Whether the object's own handler has begun to run, so that what goes wrong is its own. */
  boolean isHandled() {
    return handling;
  }

  @Override
  String method() {
    return METHOD;
  }

  @Override
  public String toString() {
    return METHOD;
  }
}
