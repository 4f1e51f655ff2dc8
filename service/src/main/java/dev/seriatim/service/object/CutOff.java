package dev.seriatim.service.object;

import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.FailedTurn;
import dev.seriatim.service.session.Session;
import org.slf4j.event.Level;

/**
 * Ends a turn from outside, takes its instance with it, and lets a new thread go on. Used by any
 * thread: the one that has {@link Turn#cut cut} the turn has the object then instead of the turn's
 * own. Stateless, and made when it is needed.
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

  /** Cuts off whatever turn is running, if any. */
  void running(BreakCause cause) {
    Turn current = object.turn();
    if (current != null) {
      turn(current, cause);
    }
  }

  /** Cuts off the turn that is running, if its instance was lost with a failed commit. */
  void lost(BreakCause cause) {
    Turn current = object.turn();
    if (current != null && current.instance().isSpent()) {
      turn(current, cause);
    }
  }

  /** The object has aborted this instance of it. */
  void aborted(Instance aborted, String reason) {
    Turn current = object.turn();
    if (current != null && current.instance() == aborted) {
      turn(current, BreakCause.of(BreakReason.OBJECT_RESET, "the object was aborted: " + reason));
    } else if (object.possession().take()) {
      try {
        if (instances.current() == aborted) {
          instances.discard("the object was aborted: " + reason, EvictionReason.ASKED);
        }
      } finally {
        object.possession().giveBack();
      }
    }
    // Otherwise the next turn, or the evictor, finds the instance aborted.
  }

  /** An operator wants that the instance goes at once, whatever it is doing. */
  void reset(String why) {
    Turn current = object.turn();
    Instance instance = current == null ? instances.current() : current.instance();
    if (instance != null) {
      instance.spend();
    }
    if (current != null) {
      turn(current, resetCause(why));
    } else if (object.possession().take()) {
      try {
        instances.discard("an operator has reset the object: " + why, EvictionReason.ASKED);
      } finally {
        object.possession().giveBack();
      }
    }
    // Otherwise the next turn, or the evictor, finds the instance spent.
  }

  /** Why stubs break of which an operator has reset the object. */
  static BreakCause resetCause(String why) {
    return BreakCause.of(BreakReason.OBJECT_RESET, "an operator has reset the object: " + why);
  }

  /** Cuts off this turn, if it hasn't ended. */
  void turn(Turn late, BreakCause cause) {
    if (late.cut()) {
      // The turn thread has lost the object; until the new one starts, it is this thread's.
      end(late, cause);
    }
  }

  private void end(Turn late, BreakCause cause) {
    object.turnEnded();
    try {
      object.host().stuckTurns().cutOff(late);
      TurnTrace trace = late.trace();
      if (trace != null) {
        // Before the turn's own thread comes back, which would tell another end of it.
        trace.failed(cause);
      }
      late.interrupt();
      instances.discard(cause.message());
    } catch (RuntimeException | Error e) { // Memory may be short; who waits must be told.
      object.log(
          Level.ERROR,
          e,
          "the end of a turn that was cut off threw",
          LogSubject.of(late).breaking(cause.reason()));
    } finally {
      try {
        tell(late, cause);
      } finally {
        object.possession().handOn(/* here= */ false);
      }
    }
  }

  private void count(InvocationTurn late, BreakCause cause) {
    ObjectMethod method = late.instance().code().methods().find(late.method());
    if (method != null) {
      new TurnMeter(object).failed(method, cause.reason());
    }
  }

  private void tell(Turn late, BreakCause cause) {
    switch (late) {
      case InvocationTurn invocation -> {
        Session stub = invocation.stub();
        try {
          stub.failTurn(
              new FailedTurn(invocation.method(), /* ran= */ true),
              cause.blaming(invocation.sequence()),
              object.pendingCommit());
          count(invocation, cause);
          if (invocation.tail() != null) {
            invocation.tail().failed(cause);
          }
        } catch (RuntimeException | Error e) {
          stub.lose(e);
        }
        if (stub.staysScheduled()) {
          mailbox.addToRound(stub);
        }
      }
      case AdminTurn admin -> {
        try {
          new OrderRunner(object, instances).cutOff(admin, cause);
        } finally {
          object.directory().letGo(object);
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
