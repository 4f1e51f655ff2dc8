package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.Caller;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an object does, as far as anyone can tell who doesn't hold it up: each part may be a little
 * older than the next.
 *
 * @param instance whether it has an instance
 * @param running the method that runs; null if none does
 * @param runningFor for how long at least; it is looked at some eight times during the turn limit
 * @param queued how many invocations wait
 * @param queuedBytes how many bytes these take
 * @param pendingCommits how many commits aren't durable yet
 * @param stubs some of those that are open
 * @param openStubs how many are open
 */
public record LiveState(
    boolean instance,
    @Nullable String running,
    Duration runningFor,
    long queued,
    long queuedBytes,
    long pendingCommits,
    ImmutableList<Stub> stubs,
    long openStubs) {
  /** Whether there is nothing of it but that it was there. */
  boolean isIdle() {
    return !instance && running == null && queued == 0 && pendingCommits == 0 && openStubs == 0;
  }

  /**
   * A stub that is open.
   *
   * @param receivedThrough the last number that came
   * @param completedThrough the last number that has an outcome
   */
  public record Stub(Caller caller, long receivedThrough, long completedThrough) {}
}
