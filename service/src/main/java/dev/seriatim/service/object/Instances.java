package dev.seriatim.service.object;

import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.ObjectLog;
import org.jspecify.annotations.Nullable;

/**
 * The instances of one object: at most one at a time, made when a turn needs it, and discarded when
 * memory may disagree with storage. Owned by whoever has the object.
 */
final class Instances {
  /** How often a turn is begun anew, with a new instance, when storage refuses the one there is. */
  private static final int MAX_BEGINNINGS = 3;

  private static final String CODE_REPLACED = "the object's code was replaced";

  private final LiveObject object;
  private final ObjectLog log;
  private @Nullable Instance current;

  Instances(LiveObject object, ObjectLog log) {
    this.object = object;
    this.log = log;
  }

  /** The instance that there is, or null; only a hint for those who don't have the object. */
  @Nullable Instance current() {
    return current;
  }

  /** Whether there is an instance fit for a turn, which the object's factory has made already. */
  boolean hasStarted() {
    return current != null
        && current.isStarted()
        && !current.isSpent()
        && current.code() == object.namespace().code();
  }

  /** Opens the bracket of a turn on an instance that may have to be {@link #start started} yet. */
  Instance beginTurn() throws BreakException {
    return beginTurn(object.namespace().code());
  }

  /** The same, of a turn that runs this code. */
  Instance beginTurn(ObjectCode code) throws BreakException {
    for (int attempt = 1; ; attempt++) {
      Instance live = live(code);
      try {
        live.storage().beginTurn();
        return live;
      } catch (RuntimeException e) {
        // The host has lost the object: a new instance can be made only when it has it again.
        discard(String.valueOf(e.getMessage()));
        if (attempt == MAX_BEGINNINGS) {
          throw new BreakException(ThrownCause.reset(e));
        }
      }
    }
  }

  /** An instance fit for a turn: the one that there is, or a new one. */
  Instance live() throws BreakException {
    return live(object.namespace().code());
  }

  private Instance live(ObjectCode code) throws BreakException {
    if (current != null && current.isSpent()) {
      discard("the object was reset");
    } else if (current != null && current.code() != code) {
      discard(CODE_REPLACED, EvictionReason.ASKED);
    }
    if (current == null) {
      ObjectHost host = object.host();
      if (!host.evictor().makeRoom()) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.OVERLOADED,
                "the host has %,d live instances, none found to be idle, expected fewer"
                    .formatted(host.limits().maxInstances())));
      }
      try {
        Instance made = new Instance(object, log.newStorage(), code);
        host.evictor().made(made);
        object.directory().counts().of(object.namespace()).instances.increment();
        current = made;
      } catch (RuntimeException e) {
        throw new BreakException(ThrownCause.reset(e));
      } finally {
        if (current == null) {
          host.evictor().notMade();
        }
      }
    }
    return current;
  }

  /**
   * Starts the instance of a turn that is running, if that has still to be done.
   *
   * @return why it can't be, or null
   */
  @Nullable BreakCause start(Instance instance, Turn turn) {
    if (instance.isStarted()) {
      return null;
    }
    try {
      instance.start();
      return null;
    } catch (Throwable thrown) { // The factory is the object's code, like its methods.
      return ThrownCause.logged(
          object, BreakReason.OBJECT_START_FAILED, thrown, "the factory", LogSubject.of(turn));
    }
  }

  /** Why the end of a turn threw, whose writes were not submitted. */
  BreakCause notSubmitted(Turn turn, Throwable thrown) {
    return turn.instance().storage().refusal() == null
        ? ThrownCause.logged(
            object,
            BreakReason.OBJECT_EXCEPTION,
            thrown,
            "the end of the turn",
            LogSubject.of(turn))
        : ThrownCause.reset(thrown);
  }

  /** Drops what a turn wrote, and its instance too if memory may say otherwise. */
  void failTurn(Instance instance, BreakCause failure) {
    boolean wrote = instance.storage().rollback();
    if (wrote || !instance.isStarted() || failure.reason() == BreakReason.OBJECT_RESET) {
      discard("a turn failed: " + failure.message());
    }
  }

  /** The object comes to rest: an instance whose code was replaced isn't kept for the next turn. */
  void willRest() {
    Instance kept = current;
    if (kept != null && kept.code() != object.namespace().code()) {
      discard(CODE_REPLACED, EvictionReason.ASKED);
    }
  }

  /** Discards the instance, if there is one. */
  void discard(String why) {
    discard(why, EvictionReason.RESET);
  }

  /** The same, for this reason. */
  void discard(String why, EvictionReason reason) {
    Instance discarded = current;
    current = null;
    if (discarded != null) {
      object.host().evictor().gone(discarded);
      discarded.discard(why);
      object.directory().counts().evicted(object, reason);
    }
  }
}
