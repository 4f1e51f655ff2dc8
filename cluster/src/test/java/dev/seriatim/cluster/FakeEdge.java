package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;
import java.time.Duration;
import java.util.List;

/** An edge of one stub, whose time stands still: a test says what it is about. */
abstract class FakeEdge implements RelayHost {
  @Override
  public long nanos() {
    return 0;
  }

  @Override
  public Duration patience() {
    return Duration.ofSeconds(8);
  }

  @Override
  public Duration lostPatience() {
    return Duration.ofSeconds(2);
  }

  @Override
  public void found(Relay one) {}

  @Override
  public void broke(Relay one, List<StubFrame> undelivered, Duration waited, BreakCause cause) {}

  @Override
  public void lost(Relay one) {}
}
