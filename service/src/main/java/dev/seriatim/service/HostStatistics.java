package dev.seriatim.service;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a host has counted since it was built, and what there is in it: see {@link
 * DurableObjectHost#statistics}. Counts never decrease. They may lag behind by the turns of objects
 * that are at work, of each up to 64.
 *
 * @param namespaces in ascending order of their names
 * @param stubsRefused how many stubs were refused, for each reason of the wire contract, before it
 *     was known which namespace they are for
 * @param evictions how many instances were let go, for each reason
 * @param transportTurns how many turns ran on a thread of the transport
 * @param otherTurns how many turns ran elsewhere
 * @param amounts what is limited, each beside its limit
 * @param serving as {@link DurableObjectHost#isServing}
 * @param draining whether the host shuts down
 */
public record HostStatistics(
    ImmutableList<OfNamespace> namespaces,
    ImmutableMap<String, Long> stubsRefused,
    ImmutableMap<EvictionReason, Long> evictions,
    long transportTurns,
    long otherTurns,
    ImmutableList<Amount> amounts,
    OfStore store,
    boolean serving,
    boolean draining) {

  /** How many instances were let go for this reason. */
  public long evictions(EvictionReason reason) {
    return evictions.getOrDefault(reason, 0L);
  }

  /**
   * What concerns the objects of one namespace.
   *
   * @param stubsOpen how many stubs are open
   * @param objectsLive how many objects are in memory
   * @param instancesLive how many of them have an instance
   * @param turnsRunning how many turns are running
   * @param stubsBroken how many stubs were told that they are broken, or refused, for each reason
   *     of the wire contract; and how many ended without a word on what ran: at an edge with the
   *     owner of their object, as {@code OWNER_LOST}; with a commit of which the store hasn't said
   *     what became, as {@code COMMIT_IN_DOUBT}; since what carried them, or the host itself,
   *     threw, as {@code HOST_FAILED}; and since a newer connection of their session came, as
   *     {@code SESSION_SUPERSEDED}
   * @param alarmsSet how many alarms are set, also those of objects that aren't in memory: as of a
   *     few seconds ago; empty as long as they weren't counted
   * @param alarmsRun how often an alarm has run
   * @param alarmsDropped how many alarms have failed for the last time
   * @param methods in the order of their declaration
   */
  public record OfNamespace(
      String name,
      long stubsOpen,
      long objectsLive,
      long instancesLive,
      long turnsRunning,
      ImmutableMap<String, Long> stubsBroken,
      OptionalLong alarmsSet,
      long alarmsRun,
      long alarmsDropped,
      ImmutableList<OfMethod> methods) {
    /** How many stubs were told that they are broken for this reason. */
    public long stubsBroken(String reason) {
      return stubsBroken.getOrDefault(reason, 0L);
    }
  }

  /**
   * How many turns of one method there were.
   *
   * @param name the short name
   * @param turns how many, for each result
   */
  public record OfMethod(String name, ImmutableMap<TurnResult, Long> turns) {
    /** How many turns of the method have ended like this. */
    public long turns(TurnResult result) {
      return turns.getOrDefault(result, 0L);
    }
  }

  /**
   * Something that is limited.
   *
   * @param name in lower case, such as {@code queued_bytes}
   */
  public record Amount(String name, long used, long limit) {}

  /**
   * The store.
   *
   * @param kind what it is: {@code memory}, {@code sqlite} or {@code postgresql}
   * @param away whether it doesn't answer
   * @param leaseLeft for how long this host may be certain of its objects; empty if nobody can take
   *     them from it
   * @param slotsOwned how many of the slots are this host's; 0 if it stores nothing
   * @param commitsInDoubt of how many objects the store has still to say whether their last commits
   *     are durable
   */
  public record OfStore(
      String kind,
      boolean away,
      Optional<Duration> leaseLeft,
      int slotsOwned,
      int commitsInDoubt) {}
}
