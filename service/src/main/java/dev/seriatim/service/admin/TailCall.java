package dev.seriatim.service.admin;

import static com.google.protobuf.util.Durations.fromNanos;

import dev.seriatim.admin.v1.TailBreak;
import dev.seriatim.admin.v1.TailEviction;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.admin.v1.TailTurn;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.object.TailEvent;
import dev.seriatim.service.object.Tailer;
import dev.seriatim.service.object.Tails;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Set;

/**
 * A call of {@code Tail}: sends what happens, as fast as the client reads. Ends when the host has
 * shut down, or the caller may see it no longer. One thread runs it.
 */
final class TailCall {
  /** How often it is asked whether the caller may still see it. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Tails tails;
  private final Tailer tailer;
  private final AdminAccess access;
  private final Set<AdminRight> rights;
  private final Identity caller;
  private final InstantSource clock;
  private long lookedNanos = System.nanoTime();

  TailCall(
      Tails tails,
      Tailer tailer,
      AdminAccess access,
      Set<AdminRight> rights,
      Identity caller,
      InstantSource clock) {
    this.tails = tails;
    this.tailer = tailer;
    this.access = access;
    this.rights = rights;
    this.caller = caller;
    this.clock = clock;
  }

  /** Sends until there is nothing more. In the context of the call. */
  void run(Responses<TailResponse> to) throws Exception {
    to.onCancel(() -> tails.close(tailer));
    try {
      while (!tailer.isOver() && !to.isCancelled()) {
        Tailer.Taken taken = tailer.take(LOOK);
        look();
        if (taken != null) {
          to.send(response(taken));
        }
      }
    } finally {
      tails.close(tailer);
    }
  }

  /** What the caller may see may change while he looks. */
  private void look() throws BreakException {
    long now = System.nanoTime();
    if (now - lookedNanos < LOOK.toNanos()) {
      return;
    }
    lookedNanos = now;
    Instant until = caller.until();
    if (until != null && clock.instant().isAfter(until)) {
      throw new BreakException(
          BreakCause.of(BreakReason.CREDENTIALS_EXPIRED, "the caller's credentials have run out"));
    }
    access.require(rights);
  }

  private TailResponse response(Tailer.Taken taken) {
    TailResponse.Builder response = TailResponse.newBuilder().setLeftOut(taken.leftOut());
    TailEvent event = taken.event();
    if (event == null) {
      return response.setTime(HostAnswers.timestamp(clock.instant())).build();
    }
    response
        .setTime(HostAnswers.timestamp(event.time()))
        .setNamespace(event.namespace())
        .setId(event.id().toString());
    if (event.name() != null) {
      response.setName(event.name());
    }
    switch (event.what()) {
      case TailEvent.Turn turn when turn.isAlarm() -> response.setAlarm(turn(turn));
      case TailEvent.Turn turn -> response.setTurn(turn(turn));
      case TailEvent.Broke broke ->
          response.setBroken(
              TailBreak.newBuilder()
                  .setReason(broke.cause().reason().name())
                  .setMessage(broke.cause().message()));
      case TailEvent.Evicted evicted ->
          response.setEvicted(TailEviction.newBuilder().setReason(evicted.reason().name()));
    }
    return response.build();
  }

  private static TailTurn turn(TailEvent.Turn turn) {
    TailTurn.Builder told =
        TailTurn.newBuilder()
            .setMethod(turn.method())
            .setSequence(turn.sequence())
            .setQueued(fromNanos(turn.queuedNanos()))
            .setRan(fromNanos(turn.ranNanos()))
            .setArgument(turn.argument())
            .setReply(turn.reply());
    BreakCause failure = turn.failure();
    if (failure != null) {
      told.setReason(failure.reason().name()).setMessage(failure.message());
    }
    return told.build();
  }
}
