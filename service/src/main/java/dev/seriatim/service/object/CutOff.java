package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.Session;
import org.slf4j.event.Level;

/**
 * Ends a turn from outside, takes its instance with it, and lets a new thread go on. Used by
 * whatever thread has {@link Turn#cut cut} the turn, and so has the object instead of the turn's
 * own; stateless.
 */
final class CutOff {
  private final LiveObject object;
  private final Mailbox mailbox;
  private final Instances instances;

  CutOff(LiveObject object, Mailbox mailbox, Instances instances) {
    this.object = object;
    this.mailbox = mailbox;
    this.instances = instances;
  }

  void end(Turn late, BreakCause cause) {
    object.turnEnded();
    try {
      object.host().stuckTurns().cutOff(late);
      late.interrupt();
      instances.discard(cause.message());
    } catch (RuntimeException | Error e) { // Memory may be short; who waits must be told.
      object.log(Level.ERROR, e, "the end of a turn that was cut off");
    } finally {
      try {
        tell(late, cause);
      } finally {
        object.possession().handOn(/* here= */ false);
      }
    }
  }

  private void tell(Turn late, BreakCause cause) {
    switch (late) {
      case InvocationTurn invocation -> {
        Session stub = invocation.stub();
        try {
          stub.breakTurn(cause.blaming(invocation.sequence()), object.pendingCommit());
        } catch (RuntimeException | Error e) {
          stub.lose(e);
        }
        if (stub.staysScheduled()) {
          mailbox.addToRound(stub);
        }
      }
      case AlarmTurn alarm -> {
        try {
          object.alarms().cutOff(alarm, cause);
        } finally {
          object.directory().letGo(object);
        }
      }
    }
  }
}
