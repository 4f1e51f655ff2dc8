package dev.seriatim.service.object;

import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.storage.TurnStorage;
import io.grpc.Context;
import org.jspecify.annotations.Nullable;

/**
 * Serves what operators and tests want of an object. Used by the thread that has the object, which
 * is its turn thread or the one that cut off its turn; stateless.
 *
 * <p>Code runs on the storage of an instance whose factory need not have been run, and isn't: an
 * object whose code is broken can be mended. What it wrote makes the instance's memory disagree
 * with what is stored, so that goes.
 */
final class OrderRunner {
  private final LiveObject object;
  private final Instances instances;

  OrderRunner(LiveObject object, Instances instances) {
    this.object = object;
    this.instances = instances;
  }

  /** Serves it. False if this thread has lost the object meanwhile; it is settled by then. */
  boolean run(Order<?> order, TurnThread thread) {
    return switch (order) {
      case Order.Run<?> code -> run(code, thread);
      case Order.RunAlarm alarm -> object.alarms().run(alarm, thread);
      case Order.Evict evict -> {
        evict(evict);
        yield true;
      }
    };
  }

  private void evict(Order.Evict order) {
    boolean was = instances.current() != null;
    instances.discard("an operator has evicted the object", EvictionReason.ASKED);
    order.doneWith(object, object.pendingCommit(), was);
  }

  private boolean run(Order.Run<?> order, TurnThread thread) {
    BreakCause refusal = refusal();
    if (refusal != null) {
      order.refuse(refusal);
      return true;
    }
    boolean lost = false;
    try {
      lost = !runTurn(order, thread);
    } catch (RuntimeException | Error e) { // Whatever it is, the object must go on.
      lost = !thread.stillHas();
      if (!lost) {
        instances.discard("an operator's turn could not run");
        order.fail(e);
      }
    } finally {
      if (!lost) {
        drain().otherEnded();
      }
    }
    return !lost;
  }

  /** Why no turn of an operator may begin, or null: then it counts for the drain. */
  @Nullable BreakCause refusal() {
    if (!object.directory().moves().stays(object.id())) {
      return Departures.cause();
    }
    return drain().beginOther() ? null : ObjectDirectory.drainCause();
  }

  private Drain drain() {
    return object.host().drain();
  }

  private boolean runTurn(Order.Run<?> order, TurnThread thread) {
    AdminTurn turn;
    try {
      turn = begin(order, thread);
    } catch (BreakException e) {
      order.refuse(e.cause());
      return true;
    }
    if (turn == null) {
      return false;
    }
    Throwable thrown = null;
    if (!turn.isCutOff()) {
      try {
        execute(order, turn.instance());
      } catch (Throwable e) { // Whatever the code throws, an Error too, fails its turn.
        thrown = e;
      }
    }
    if (!thread.endTurn(turn)) {
      return false;
    }
    turn.instance().turnEnded();
    end(order, turn.instance(), thrown);
    return true;
  }

  /** Null if this thread has lost the object at once. */
  private @Nullable AdminTurn begin(Order.Run<?> order, TurnThread thread) throws BreakException {
    while (true) {
      Instance instance = instances.beginTurn();
      AdminTurn begun = new AdminTurn(object.nextTurnNumber(), instance, order);
      thread.beginTurn(begun);
      if (!instance.isAborted()) {
        return begun;
      }
      if (!thread.endTurn(begun)) {
        return null;
      }
      instance.storage().rollback();
    }
  }

  private static void execute(Order.Run<?> order, Instance instance) throws Exception {
    CallChain chain = instance.beginChain(/* calledBy= */ null);
    Context context = chain == null ? instance.context() : chain.in(instance.context());
    Context previous = context.attach();
    try {
      order.run(instance);
    } finally {
      context.detach(previous);
      if (chain != null) {
        chain.end();
      }
    }
  }

  private void end(Order.Run<?> order, Instance instance, @Nullable Throwable thrown) {
    TurnStorage storage = instance.storage();
    Throwable failure = thrown;
    boolean wrote = storage.hasWritten();
    long commit = 0;
    if (failure == null) {
      try {
        commit = storage.endTurn();
      } catch (RuntimeException | Error e) {
        failure = e;
      }
    }
    long seen = failure == null ? commit : object.pendingCommit();
    Throwable refusal = failure == null ? null : storage.refusal();
    if (failure != null) {
      storage.rollback();
    }
    if (wrote || refusal != null || !instance.isStarted()) {
      instances.discard("an operator has changed what the object has stored");
    }
    if (failure == null) {
      order.ranWith(object, seen);
    } else if (refusal != null) {
      order.refuse(ThrownCause.reset(refusal));
    } else {
      order.failedWith(object, seen, failure);
    }
  }

  /** The turn was cut off, and its instance is discarded. */
  void cutOff(AdminTurn late, BreakCause cause) {
    try {
      late.order().refuse(cause);
    } finally {
      drain().otherEnded();
    }
  }
}
