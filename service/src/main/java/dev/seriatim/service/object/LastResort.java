package dev.seriatim.service.object;

import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * What becomes of an object's work when the host has failed at it: those whose work it was are
 * told, and the instance is discarded, since memory may disagree with storage. Used by the thread
 * that has the object; stateless.
 */
final class LastResort {
  private static final LogSubject RESET = LogSubject.OBJECT.breaking(BreakReason.OBJECT_RESET);

  private final LiveObject object;
  private final Mailbox mailbox;
  private final Instances instances;

  LastResort(LiveObject object, Mailbox mailbox, Instances instances) {
    this.object = object;
    this.mailbox = mailbox;
    this.instances = instances;
  }

  /** There is no thread to be had: drops all that there is to do. */
  void dropAll(Throwable why) {
    object.log(Level.ERROR, why, "no thread could be started for its turns", RESET);
    try {
      discard(why);
      if (mailbox.takeAlarm()) {
        object.alarms().putOff(why);
        object.directory().letGo(object);
      }
      for (Order<?> order = mailbox.takeOrder(); order != null; order = mailbox.takeOrder()) {
        drop(order, why);
      }
    } finally {
      for (Session stub = mailbox.takeStub(); stub != null; stub = mailbox.takeStub()) {
        breakStub(stub, 0, why);
      }
    }
  }

  /**
   * Drops what was being served.
   *
   * @param served the stub that was taken out of the mailbox, if any
   * @param sequence the number of its invocation that was run, or 0
   * @param alarm whether it was the alarm
   * @param order what an operator wanted, if that was it
   */
  void dropServed(
      @Nullable Session served,
      long sequence,
      boolean alarm,
      @Nullable Order<?> order,
      Throwable why) {
    try {
      object.log(
          Level.ERROR,
          why,
          "the host failed",
          new LogSubject(alarm ? AlarmTurn.METHOD : null, sequence, BreakReason.OBJECT_RESET));
      discard(why);
    } finally {
      if (alarm) {
        object.directory().letGo(object);
      }
      if (order != null) {
        drop(order, why);
      }
      if (served != null) {
        breakStub(served, sequence, why);
      }
    }
  }

  private void discard(Throwable why) {
    instances.discard("the host failed: " + Legible.of(why));
  }

  private void drop(Order<?> order, Throwable why) {
    try {
      order.refuse(BreakCause.of(BreakReason.OBJECT_RESET, "the host failed: " + Legible.of(why)));
    } finally {
      object.directory().letGo(object);
    }
  }

  private void breakStub(Session stub, long sequence, Throwable why) {
    try {
      BreakCause cause =
          BreakCause.of(BreakReason.OBJECT_RESET, "the host failed: " + Legible.of(why));
      stub.breakTurn(cause.blaming(sequence), object.pendingCommit());
    } catch (RuntimeException | Error again) {
      stub.lose(again);
    }
    if (stub.staysScheduled()) {
      mailbox.addToRound(stub);
    }
  }
}
