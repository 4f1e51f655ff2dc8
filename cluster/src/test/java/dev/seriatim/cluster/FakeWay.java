package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;

/** A way to the owner that leads nowhere: a test says what it is about. */
abstract class FakeWay implements Way {
  @Override
  public void open(long completedThrough) {}

  @Override
  public void send(StubFrame frame) {}

  @Override
  public void fail(BreakCause cause) {}

  @Override
  public void breakSoon(BreakCause cause) {}

  @Override
  public void halfClose() {}

  @Override
  public void cancel() {}

  @Override
  public void taken(int bytes) {}

  @Override
  public void onReady() {}

  @Override
  public void onDelivered() {}

  @Override
  public String host() {
    return "owner";
  }

  @Override
  public boolean leadsToOwner() {
    return true;
  }
}
