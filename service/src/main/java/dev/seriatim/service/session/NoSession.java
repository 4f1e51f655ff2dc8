package dev.seriatim.service.session;

import dev.seriatim.wire.Invocation;
import java.util.List;

/** What comes for a stub that was refused, or has ended: it is dropped. */
public enum NoSession implements SessionInput {
  /** The only one. */
  INSTANCE;

  @Override
  public void add(List<Invocation> invocations, int bytes) {}

  @Override
  public void addFirst(StubFrame frame) {}

  @Override
  public void add(StubFrame frame) {}

  @Override
  public void fail(BreakCause cause) {}

  @Override
  public void breakSoon(BreakCause cause) {}

  @Override
  public void halfClose() {}

  @Override
  public void cancel() {}

  @Override
  public void onDelivered() {}

  @Override
  public void onReady() {}
}
