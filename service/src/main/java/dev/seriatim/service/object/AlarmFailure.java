package dev.seriatim.service.object;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import io.grpc.protobuf.StatusProto;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Why a turn of an alarm failed, and what that means for the alarm. Immutable.
 *
 * @param thrown what is to be seen in the log
 */
record AlarmFailure(BreakCause cause, Throwable thrown) {
  /** A chain of causes that goes on for longer goes round in circles. */
  private static final int MAX_CAUSES = 100;

  /** What becomes of the alarm. */
  enum Fate {
    /** It was the object's own failure, and has used up one of its tries. */
    TRIED,

    /** It can't run now, for no fault of its own: it stays as it is, and is offered again later. */
    PUT_OFF,

    /** Its turn was lost, and the store knows what became of it. */
    LOST
  }

  /** A failure that Seriatim itself finds. */
  static AlarmFailure of(BreakCause cause) {
    return new AlarmFailure(cause, StatusProto.toStatusException(cause.toEnd()));
  }

  /** What the object's own code threw. */
  static AlarmFailure thrown(BreakReason reason, Throwable thrown) {
    return new AlarmFailure(ThrownCause.of(reason, thrown), Legible.orStandIn(thrown));
  }

  /**
   * What becomes of the alarm. Only what the object itself did counts: not that the host shuts
   * down, loses the object or a commit, has no object that could run the alarm, or a store that
   * fails.
   *
   * @param draining whether the host shuts down
   */
  Fate fate(AlarmTurn turn, boolean draining) {
    if (draining) {
      return Fate.LOST;
    }
    if (!turn.isHandled() || isOfTheStore(thrown)) {
      return Fate.PUT_OFF;
    }
    boolean reset = cause.reason() == BreakReason.OBJECT_RESET && !turn.instance().isAborted();
    return reset ? Fate.LOST : Fate.TRIED;
  }

  /** Whether the store failed, and the object let that through, maybe as the cause of its own. */
  private static boolean isOfTheStore(@Nullable Throwable thrown) {
    Throwable each = thrown;
    for (int i = 0; each != null && i < MAX_CAUSES; i++) {
      if (each instanceof StorageException && each.getCause() instanceof SQLException) {
        return true;
      }
      each = each.getCause();
    }
    return false;
  }
}
