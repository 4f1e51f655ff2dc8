package dev.seriatim.testing;

import dev.seriatim.service.storage.StorageEngine;
import java.time.Duration;
import java.util.concurrent.TimeoutException;

/** What of a host goes by the test's clock: its alarms, which wait for its commits. */
record HostTime(StorageEngine storage, Commits commits) implements TestClock.Follower {
  @Override
  public void clockChanged() {
    storage.clockChanged();
  }

  @Override
  public boolean isHeld() {
    return commits.isHeld();
  }

  @Override
  public long awaitNoneDue(Duration limit) throws InterruptedException, TimeoutException {
    return storage.awaitNoneDue(limit);
  }
}
