package dev.seriatim.service;

import dev.seriatim.service.HostListener.AlarmEvent;
import dev.seriatim.service.HostListener.BreakEvent;
import dev.seriatim.service.HostListener.CommitEvent;
import dev.seriatim.service.HostListener.EvictionEvent;
import dev.seriatim.service.HostListener.TurnEvent;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/**
 * What the JDK's flight recorder is told: little, and only what takes long or goes wrong. Nothing
 * is made while nobody records.
 */
@SuppressWarnings("UnusedVariable") // The recorder reads the fields of events.
final class FlightEvents {
  /** A turn that takes as long is slow. */
  private static final Duration SLOW_TURN = Duration.ofMillis(20);

  /** An outcome that waits as long for its commit waits for long. */
  private static final Duration LONG_WAIT = Duration.ofMillis(10);

  private FlightEvents() {}

  static void turn(TurnEvent event) {
    if (event.took().compareTo(SLOW_TURN) >= 0) {
      SlowTurn told = new SlowTurn();
      if (told.isEnabled()) {
        told.namespace = event.namespace();
        told.object = name(event.object());
        told.method = event.method();
        told.result = event.result().name();
        told.took = event.took().toNanos();
        told.queued = event.queued().toNanos();
        told.commit();
      }
    }
  }

  static void commit(CommitEvent event) {
    Commit told = new Commit();
    if (told.isEnabled()) {
      told.objects = event.objects();
      told.turns = event.turns();
      told.bytes = event.bytes();
      told.took = event.took().toNanos();
      told.commit();
    }
    if (event.waited().compareTo(LONG_WAIT) >= 0) {
      GateWait wait = new GateWait();
      if (wait.isEnabled()) {
        wait.waited = event.waited().toNanos();
        wait.turns = event.turns();
        wait.commit();
      }
    }
  }

  static void broken(BreakEvent event) {
    Break told = new Break();
    if (told.isEnabled()) {
      told.namespace = event.namespace();
      told.object = name(event.object());
      told.reason = event.reason();
      told.sequence = event.sequence();
      told.commit();
    }
  }

  static void evicted(EvictionEvent event) {
    Eviction told = new Eviction();
    if (told.isEnabled()) {
      told.namespace = event.namespace();
      told.object = name(event.object());
      told.reason = event.reason().name();
      told.commit();
    }
  }

  static void alarm(AlarmEvent event) {
    Alarm told = new Alarm();
    if (told.isEnabled()) {
      told.namespace = event.namespace();
      told.object = name(event.object());
      told.late = event.late().toNanos();
      told.succeeded = event.succeeded();
      told.dropped = event.dropped();
      told.commit();
    }
  }

  private static String name(DurableObjectId id) {
    return id.name().orElseGet(id::toString);
  }

  @Name("dev.seriatim.Turn")
  @Label("Slow turn")
  @Description("A turn that took 20 ms or longer")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class SlowTurn extends Event {
    String namespace = "";
    String object = "";
    String method = "";
    String result = "";

    @Timespan long took;

    @Timespan long queued;
  }

  @Name("dev.seriatim.Commit")
  @Label("Commit of a group")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class Commit extends Event {
    int objects;
    long turns;
    long bytes;

    @Timespan long took;
  }

  @Name("dev.seriatim.GateWait")
  @Label("Long wait at the output gate")
  @Description("The oldest turn of a group has waited 10 ms or longer to be durable")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class GateWait extends Event {
    @Timespan long waited;

    long turns;
  }

  @Name("dev.seriatim.Break")
  @Label("Broken stub")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class Break extends Event {
    String namespace = "";
    String object = "";
    String reason = "";
    long sequence;
  }

  @Name("dev.seriatim.Eviction")
  @Label("Instance that was let go")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class Eviction extends Event {
    String namespace = "";
    String object = "";
    String reason = "";
  }

  @Name("dev.seriatim.Alarm")
  @Label("Alarm that has run")
  @Category("Seriatim")
  @StackTrace(false)
  private static final class Alarm extends Event {
    String namespace = "";
    String object = "";

    @Timespan long late;

    boolean succeeded;
    boolean dropped;
  }
}
