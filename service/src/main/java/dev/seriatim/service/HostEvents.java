package dev.seriatim.service;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells a listener, whatever it throws, and the JDK's flight recorder. */
final class HostEvents implements HostListener {
  private static final Logger logger = LoggerFactory.getLogger(HostEvents.class);

  private final HostListener listener;

  HostEvents(HostListener listener) {
    this.listener = listener;
  }

  private static void tell(Runnable what) {
    try {
      what.run();
    } catch (RuntimeException | Error e) {
      logger.warn("the host's listener threw", e);
    }
  }

  @Override
  public void turnEnded(TurnEvent event) {
    FlightEvents.turn(event);
    tell(() -> listener.turnEnded(event));
  }

  @Override
  public void committed(CommitEvent event) {
    FlightEvents.commit(event);
    tell(() -> listener.committed(event));
  }

  @Override
  public void broken(BreakEvent event) {
    FlightEvents.broken(event);
    tell(() -> listener.broken(event));
  }

  @Override
  public void evicted(EvictionEvent event) {
    FlightEvents.evicted(event);
    tell(() -> listener.evicted(event));
  }

  @Override
  public void alarm(AlarmEvent event) {
    FlightEvents.alarm(event);
    tell(() -> listener.alarm(event));
  }

  @Override
  public void store(StoreEvent event) {
    tell(() -> listener.store(event));
  }
}
