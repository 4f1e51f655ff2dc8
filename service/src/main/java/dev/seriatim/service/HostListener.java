package dev.seriatim.service;

import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;

/**
 * Is told what happens in a host. See {@link DurableObjectHost.Builder#listener}.
 *
 * <p>It is called on the threads of turns, of commits and of alarms, by many at once: it must not
 * block, and had better be done within a microsecond. What it throws is logged, and harms nobody.
 * Counts are in the {@link DurableObjectHost#statistics statistics}; here are single events.
 */
public interface HostListener {
  /**
   * A turn has ended. Of methods whose turns are short this is told of a sample, one turn of 64 or
   * so; of others it is told of each.
   */
  default void turnEnded(TurnEvent event) {}

  /** A group of commits is durable. Never told by a host that stores nothing. */
  default void committed(CommitEvent event) {}

  /**
   * A stub is told that it is broken. Not told of one that is refused before there is an object for
   * it: that is only counted.
   */
  default void broken(BreakEvent event) {}

  /** An instance was let go. */
  default void evicted(EvictionEvent event) {}

  /** An alarm has run. */
  default void alarm(AlarmEvent event) {}

  /** The store has gone away, or is back. */
  default void store(StoreEvent event) {}

  /**
   * A turn that has ended.
   *
   * @param method the short name
   * @param queued for how long the invocation has waited for its turn
   * @param took how long the turn has taken
   */
  record TurnEvent(
      String namespace,
      DurableObjectId object,
      String method,
      Duration queued,
      Duration took,
      TurnResult result) {}

  /**
   * A group of commits.
   *
   * @param store what keeps them, such as {@code sqlite}
   * @param objects how many objects it is of
   * @param turns how many turns have submitted something
   * @param bytes about how much memory it held
   * @param took how long the store has taken
   * @param waited how long the oldest of its turns has waited behind the output gate
   */
  record CommitEvent(
      String store, int objects, long turns, long bytes, Duration took, Duration waited) {}

  /**
   * A stub that is told that it is broken.
   *
   * @param reason as in the wire contract, such as {@code OBJECT_RESET}; or of a stub that is lost,
   *     {@code OWNER_LOST} at its edge, with the owner of its object, {@code COMMIT_IN_DOUBT} with
   *     a commit of which the store hasn't said what became, and {@code HOST_FAILED} since what
   *     carried it, or the host itself, threw
   * @param sequence the invocation that is to blame; 0 if none is
   */
  record BreakEvent(String namespace, DurableObjectId object, String reason, long sequence) {}

  /** An instance that was let go. */
  record EvictionEvent(String namespace, DurableObjectId object, EvictionReason reason) {}

  /**
   * An alarm that has run.
   *
   * @param late how long after it was due its turn ended
   * @param succeeded whether it ended well
   * @param dropped whether it has failed for the last time
   */
  record AlarmEvent(
      String namespace,
      DurableObjectId object,
      Duration late,
      boolean succeeded,
      boolean dropped) {}

  /**
   * The store has gone away, or is back.
   *
   * @param lasted how long it has been away
   */
  record StoreEvent(boolean away, Duration lasted) {}
}
