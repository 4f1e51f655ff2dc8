package dev.seriatim.service.session;

import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/** The object of a session, as far as the session knows it. Safe for any number of threads. */
public interface SessionObject {
  /** What its sessions use of the host. */
  SessionHost sessionHost();

  /** What the object's commits open. */
  OutputGate gate();

  /** Which object it is. */
  DurableObjectId id();

  /** A record of the object, in this log: with keys that say which one it is. */
  default LoggingEventBuilder logEvent(Logger log, Level level) {
    return log.atLevel(level).addKeyValue("id", id());
  }

  /** The commit that an outcome must wait for which may have seen all that was submitted so far. */
  long pendingCommit();

  /** Counts what is queued for the object. */
  QueueBudget budget();

  /** Counts the outcomes of all sessions of the object. */
  OutcomeBudget outcomeBudget();

  /**
   * Takes room for the outcome of a turn that is about to end well. It must then be {@link
   * Session#complete completed}, or {@link #giveUp given up}.
   *
   * @return why there is none, or null
   */
  default @Nullable BreakCause reserve(Outcome outcome) {
    long bytes = OutcomeLine.heapBytes(outcome);
    if (!OutcomeBudget.mustReserve(bytes) || outcomeBudget().tryAdd(bytes)) {
      return null;
    }
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "no room for an outcome that takes %,d bytes: %s"
            .formatted(bytes, outcomeBudget().refusal()));
  }

  /** Gives the room of an outcome back that won't be sent. */
  default void giveUp(Outcome outcome) {
    long bytes = OutcomeLine.heapBytes(outcome);
    if (OutcomeBudget.mustReserve(bytes)) {
      outcomeBudget().add(-bytes);
    }
  }

  /**
   * Why a session that an object has opened breaks at once when it brings these, out of their
   * place, since their turns would never come; or null.
   */
  @Nullable BreakCause refusal(List<Invocation> invocations);

  /**
   * The session has something to run. It says so only once until it is served.
   *
   * @param byTransport whether it is the transport's thread that says so, and is free to run turns
   */
  void ready(Session session, boolean byTransport);

  /**
   * Finds the record of a session, and attaches this connection to it: see {@link Session#claimed}.
   * Called by whoever has the object, between two turns; may block on the store.
   *
   * @throws BreakException if it can't be had
   */
  void claim(Session connection, SessionOpen open) throws BreakException;

  /**
   * Makes what the record says durable, its break included. Called by whoever has the object.
   *
   * @return the commit that does so; 0 if there is none
   */
  long submit(SessionRecord record);

  /** The client has closed its stub, and needs nothing more. Called by whoever has the object. */
  void closed(SessionRecord record);

  /**
   * A client of the object is told that its stub is broken.
   *
   * @param turn the one that has broken it; null if none has
   */
  default void told(Broken broken, @Nullable FailedTurn turn) {}

  /** A client of the object loses its stub, without a word on what ran. */
  default void lost(UntoldEnd end) {}

  /** The session is over. May be called again. */
  void ended(Session session);
}
