package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.rpc.Status;
import dev.seriatim.service.connect.Frame;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Everything that can happen to a stub of four calls in three frames, in every order: answers one
 * by one, moves in between, hosts that don't have the object, hosts that are lost, ways that throw,
 * a client that reads slowly or goes away, a break, the end.
 */
final class RelaySearchTest {
  private static final int MAX_WAYS = 3;

  /** What may happen next. */
  private enum Event {
    CLIENT_SENDS,
    CLIENT_ENDS,
    CLIENT_CANCELS,
    CLIENT_STOPS_READING,
    CLIENT_READS,
    OWNER_ANSWERS,
    OWNER_MOVES,
    OWNER_BREAKS,
    OWNER_ENDS,
    NOT_THERE,
    LOST,
    NEVER_LEFT,
    WAY_FOUND,
    WAY_FOUND_THAT_CAN_NOT_BE_OPENED,
    WAY_FOUND_THAT_TAKES_NOTHING,
    TOO_LONG,
    BREAKS_SOON,
    BREAKS_SOON_IN_OPEN
  }

  @Test
  void everyOrderKeepsThePromises() {
    Set<String> seen = new HashSet<>();
    List<List<Event>> next = new ArrayList<>();
    next.add(List.of());
    while (!next.isEmpty()) {
      List<List<Event>> found = new ArrayList<>();
      for (List<Event> path : next) {
        for (Event event : Event.values()) {
          World world = new World();
          path.forEach(world::happen);
          if (!world.can(event)) {
            continue;
          }
          world.happen(event);
          assertWithMessage("%s, then %s", path, event).that(world.wrong).isNull();
          if (seen.add(world.state())) {
            List<Event> longer = new ArrayList<>(path);
            longer.add(event);
            found.add(longer);
          }
        }
      }
      next = found;
    }
    assertThat(seen.size()).isGreaterThan(1_000);
  }

  /** One relay, its client, and the owners that it has had. */
  private static final class World extends FakeEdge implements Attachment {
    private static final int[] FRAMES = {1, 2, 1};

    private final Relay relay =
        new Relay(OneStub.ADDRESS, this, /* fromObject= */ false, /* session= */ null, this);
    private @Nullable OneWay way;
    private boolean known;
    private boolean wayKnown = true;
    private int ways;
    private long room;
    private long now;

    // The client.
    private int framesSent;
    private int sent;
    private boolean ended;
    private boolean cancelled;
    private boolean reads = true;
    private long got;
    private @Nullable Broken broken;
    private @Nullable Status status;

    // All owners together: what has run.
    private long ran;
    private boolean unknown;

    /** Whether somebody wants the stub to break, say since its caller may do nothing any more. */
    private boolean breaksSoon;

    /** Whether the way that is found throws when it is opened, or when it gets a frame. */
    private boolean openFails;

    private boolean sendFails;

    /** Whether somebody is to while the next way is opened. */
    private boolean breaksSoonInOpen;

    private @Nullable String wrong;

    World() {
      relay.begin();
    }

    // ---- what happens

    boolean can(Event event) {
      boolean open = status == null && !cancelled;
      OneWay on = way;
      boolean there = open && on != null && !on.over;
      return switch (event) {
        case CLIENT_SENDS -> open && !ended && !breaksSoon && framesSent < FRAMES.length;
        case CLIENT_ENDS -> open && !ended && !breaksSoon;
        case CLIENT_CANCELS -> open;
        case CLIENT_STOPS_READING -> open && reads;
        case CLIENT_READS -> open && !reads;
        case OWNER_ANSWERS -> there && on != null && ran < on.received;
        case OWNER_MOVES, OWNER_BREAKS, LOST, NEVER_LEFT -> there && ways < MAX_WAYS;
        case OWNER_ENDS -> there && on != null && on.halfClosed && ran == on.received;
        case NOT_THERE -> there && on != null && ran == on.from && ways < MAX_WAYS;
        case WAY_FOUND, WAY_FOUND_THAT_CAN_NOT_BE_OPENED, WAY_FOUND_THAT_TAKES_NOTHING ->
            open && !wayKnown;
        case TOO_LONG -> open && on == null;
        case BREAKS_SOON -> open && !breaksSoon;
        case BREAKS_SOON_IN_OPEN -> open && !breaksSoon && on == null && !breaksSoonInOpen;
      };
    }

    void happen(Event event) {
      OneWay on = way;
      switch (event) {
        case CLIENT_SENDS -> {
          ConnectRequest.Builder frame = ConnectRequest.newBuilder();
          if (framesSent == 0) {
            frame.setOpen(Open.newBuilder().setNamespace("COUNTER").setName("somebody"));
          }
          for (int i = 0; i < FRAMES[framesSent]; i++) {
            frame.addInvocations(Invocation.newBuilder().setSequence(++sent).setMethod("Get"));
          }
          StubFrame bytes = Frame.of(frame.build().toByteArray());
          if (framesSent++ == 0) {
            relay.input().addFirst(bytes);
          } else {
            relay.input().add(bytes);
          }
        }
        case CLIENT_ENDS -> {
          ended = true;
          relay.input().halfClose();
        }
        case CLIENT_CANCELS -> {
          cancelled = true;
          relay.cancel();
        }
        case CLIENT_STOPS_READING -> reads = false;
        case CLIENT_READS -> {
          reads = true;
          relay.input().onReady();
        }
        case OWNER_ANSWERS -> {
          ran++;
          say(on, ConnectResponse.newBuilder().addOutcomes(outcome(ran)).build());
        }
        case OWNER_MOVES -> {
          wayKnown = false;
          end(on, BreakReason.OBJECT_MOVED);
        }
        case OWNER_BREAKS -> end(on, BreakReason.OBJECT_RESET);
        case OWNER_ENDS -> {
          over(on);
          relay.ended(there(on), Status.getDefaultInstance());
        }
        case NOT_THERE -> {
          wayKnown = false;
          over(on);
          relay.notThere(there(on));
        }
        case LOST -> {
          unknown = true;
          over(on);
          relay.lost(there(on), /* delivered= */ true, "lost");
        }
        case NEVER_LEFT -> {
          wayKnown = false;
          over(on);
          if (ran == there(on).from) {
            relay.lost(there(on), /* delivered= */ false, "never left");
          } else {
            unknown = true;
            relay.lost(there(on), /* delivered= */ true, "lost");
          }
        }
        case WAY_FOUND -> look(/* failsToOpen= */ false, /* failsToSend= */ false);
        case WAY_FOUND_THAT_CAN_NOT_BE_OPENED ->
            look(/* failsToOpen= */ true, /* failsToSend= */ false);
        case WAY_FOUND_THAT_TAKES_NOTHING ->
            look(/* failsToOpen= */ false, /* failsToSend= */ true);
        case TOO_LONG -> {
          now += patience().toNanos();
          boolean _ = relay.look(now);
        }
        case BREAKS_SOON -> breakSoon();
        case BREAKS_SOON_IN_OPEN -> breaksSoonInOpen = true;
      }
      check();
    }

    /** A way is there for a stub that waits, and throws as it gets what was kept. */
    private void look(boolean failsToOpen, boolean failsToSend) {
      wayKnown = true;
      openFails = failsToOpen;
      sendFails = failsToSend;
      try {
        boolean _ = relay.look(now);
      } catch (Failing e) {
        unknown = true;
      }
      openFails = false;
      sendFails = false;
    }

    /** What a way throws. */
    private static final class Failing extends RuntimeException {
      private static final long serialVersionUID = 1;
    }

    private void breakSoon() {
      breaksSoon = true;
      breaksSoonInOpen = false;
      relay.input().breakSoon(BreakCause.of(BreakReason.OBJECT_RESET, "it is wanted"));
    }

    private static OneWay there(@Nullable OneWay on) {
      if (on == null) {
        throw new AssertionError("there is no way");
      }
      return on;
    }

    private static void over(@Nullable OneWay on) {
      there(on).over = true;
    }

    private void say(@Nullable OneWay on, ConnectResponse frame) {
      relay.responded(there(on), EncodedFrame.of(frame));
    }

    private void end(@Nullable OneWay on, BreakReason reason) {
      over(on);
      BreakCause cause = BreakCause.of(reason, "it ends");
      say(on, ConnectResponse.newBuilder().setBroken(cause.toBroken(ran)).build());
      relay.ended(there(on), cause.toEnd());
    }

    private static dev.seriatim.v1.Outcome outcome(long sequence) {
      return dev.seriatim.v1.Outcome.newBuilder().setSequence(sequence).build();
    }

    // ---- what must be so

    private void check() {
      if (status != null || cancelled) {
        if (room != 0) {
          fault("room of %s is kept for a stub that has ended".formatted(room));
        }
      }
      if (broken != null && broken.getCompletedThrough() != ran) {
        fault("completed_through %s, and %s ran".formatted(broken.getCompletedThrough(), ran));
      }
      if (broken != null && got != ran) {
        fault("broken behind %s answers, and %s ran".formatted(got, ran));
      }
      if (status != null && status.getCode() != 0 && broken == null && !unknown) {
        fault("ended without a word, and nothing is unknown");
      }
      if (status == null && !cancelled && reads && way != null && !there(way).over) {
        if (there(way).received != sent) {
          fault("the owner has %s of %s calls".formatted(there(way).received, sent));
        }
        if (got != ran) {
          fault("the client has %s of %s answers".formatted(got, ran));
        }
        if (there(way).halfClosed != ended) {
          fault("the client has ended, and the owner doesn't know");
        }
        if (there(way).breaks != breaksSoon) {
          fault("the stub is to break, and the owner doesn't know");
        }
      }
      if (unknown && status == null && !cancelled && reads) {
        fault("nobody knows what has run, and the stub goes on");
      }
      if (known && (status != null || cancelled)) {
        fault("the edge knows a stub that has ended");
      }
      if (breaksSoon && way == null && status == null && !cancelled && reads) {
        fault("the stub is to break, and waits");
      }
    }

    private void fault(String what) {
      if (wrong == null) {
        wrong = what;
      }
    }

    String state() {
      OneWay on = way;
      return "%s %s %s %s %s %s %s %s %s %s %s %s %s %s"
          .formatted(
              framesSent,
              ended,
              cancelled,
              reads,
              got,
              broken == null ? "" : broken.getCompletedThrough(),
              status == null ? "" : status.getCode(),
              ran,
              unknown,
              ways,
              wayKnown,
              breaksSoon,
              breaksSoonInOpen,
              on == null ? "" : on.over + "," + on.received + "," + on.halfClosed);
    }

    // ---- the way

    private final class OneWay extends FakeWay {
      private final String host = "owner " + ways;
      private long from;
      private long received;
      private boolean halfClosed;
      private boolean over;
      private boolean opened;
      private boolean breaks;

      @Override
      public void open(long completedThrough) {
        if (breaksSoonInOpen) { // Before anything could be sent on it.
          World.this.breakSoon();
        }
        if (openFails) {
          throw new Failing();
        }
        opened = true;
        if (completedThrough != ran) {
          fault("opened behind %s, and %s ran".formatted(completedThrough, ran));
        }
        from = completedThrough;
        received = completedThrough;
      }

      @Override
      public void send(StubFrame frame) {
        if (over) {
          return;
        }
        if (sendFails) {
          throw new Failing();
        }
        if (frame.open() != null) {
          fault("a frame opens the stub again");
        }
        for (dev.seriatim.wire.Invocation invocation : frame.invocations()) {
          if (invocation.sequence() != received + 1) {
            fault("sequence %s, expected %s".formatted(invocation.sequence(), received + 1));
          }
          received++;
        }
      }

      @Override
      public void fail(BreakCause cause) {
        fault("failed: " + cause.message());
      }

      @Override
      public void breakSoon(BreakCause cause) {
        if (!opened) {
          fault("it is told to break before it is open");
        }
        breaks = true;
      }

      @Override
      public void halfClose() {
        if (halfClosed || received != sent) {
          fault("half-closed behind %s of %s calls".formatted(received, sent));
        }
        halfClosed = true;
      }

      @Override
      public void cancel() {
        over = true;
      }

      @Override
      public String host() {
        return host;
      }
    }

    // ---- the edge

    @Override
    public long nanos() {
      return now;
    }

    @Override
    public @Nullable Way way(Relay one, boolean onClientsThread) {
      if (!wayKnown) {
        return null;
      }
      ways++;
      way = new OneWay();
      return way;
    }

    @Override
    public void began(Relay one) {
      known = true;
    }

    @Override
    public void waits(Relay one) {
      way = null;
    }

    @Override
    public void broke(Relay one, List<StubFrame> undelivered, Duration waited, BreakCause cause) {
      long count = undelivered.stream().mapToLong(frame -> frame.invocations().size()).sum();
      if (count != sent - ran) {
        fault("%s calls wait, of %s, and %s ran".formatted(count, sent, ran));
      }
    }

    @Override
    public void ended(Relay one) {
      known = false;
      way = null;
    }

    @Override
    public @Nullable String takeRoom(int count, long more) {
      room += more;
      return null;
    }

    @Override
    public void giveRoom(int count, long less) {
      room -= less;
    }

    // ---- the client

    @Override
    public boolean isReady() {
      return reads;
    }

    @Override
    public void send(List<Outcome> outcomes, @Nullable Broken last) {
      for (Outcome outcome : outcomes) {
        if (outcome.sequence() != got + 1) {
          fault("outcome %s, expected %s".formatted(outcome.sequence(), got + 1));
        }
        got++;
      }
      if (last != null) {
        broken = last;
      }
    }

    @Override
    public void close(Status end) {
      if (status != null) {
        fault("ended twice");
      }
      status = end;
    }
  }
}
