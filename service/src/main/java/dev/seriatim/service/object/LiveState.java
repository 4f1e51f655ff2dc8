package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.Caller;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What an object does, as far as anyone can tell who doesn't hold it up: each part may be a little
 * older than the next.
 *
 * @param instanceSince since when it has its instance; null if it has none
 * @param running the method that runs; null if none does
 * @param runningFor for how long at least; it is looked at some eight times during the turn limit
 * @param queued how many invocations wait
 * @param queuedBytes how many bytes these take
 * @param pendingCommits how many commits aren't durable yet
 * @param stubs some of those that are open
 * @param openStubs how many are open
 * @param lastBreak how a stub broke last; null if none has
 */
public record LiveState(
    @Nullable Instant instanceSince,
    @Nullable String running,
    Duration runningFor,
    long queued,
    long queuedBytes,
    long pendingCommits,
    ImmutableList<Stub> stubs,
    long openStubs,
    @Nullable LastBreak lastBreak) {
  /** Whether there is nothing of it but that it was there. */
  boolean isIdle() {
    return instanceSince == null
        && running == null
        && queued == 0
        && pendingCommits == 0
        && openStubs == 0;
  }

  /**
   * A stub that is open.
   *
   * @param peer where its client is; empty if that isn't known
   * @param receivedThrough the last number that came
   * @param completedThrough the last number that has an outcome
   */
  public record Stub(String peer, Caller caller, long receivedThrough, long completedThrough) {}
}
