package dev.seriatim.service.admin;

import static com.google.protobuf.util.Durations.fromNanos;

import dev.seriatim.admin.v1.TailBreak;
import dev.seriatim.admin.v1.TailEviction;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.admin.v1.TailTurn;
import dev.seriatim.service.object.TailEvent;
import dev.seriatim.service.object.Tailer;
import dev.seriatim.service.object.Tails;
import dev.seriatim.service.session.BreakCause;
import java.time.InstantSource;

/**
 * A call of {@code Tail}: sends what happens, as fast as the client reads. Ends when the host has
 * shut down, or the caller may see it no longer. One thread runs it.
 */
final class TailCall {
  private final Tails tails;
  private final Tailer tailer;
  private final InstantSource clock;

  TailCall(Tails tails, Tailer tailer, InstantSource clock) {
    this.tails = tails;
    this.tailer = tailer;
    this.clock = clock;
  }

  /** Ends it: what has come is sent. Any thread may call it. */
  void end() {
    tails.close(tailer);
  }

  /**
   * Sends until there is nothing more. In the context of the call.
   *
   * @param onLook is called with each event, and in between
   */
  void run(Responses<TailResponse> to, Runnable onLook) throws Exception {
    to.onCancel(() -> tails.close(tailer));
    try {
      while (!tailer.isOver() && !to.isCancelled()) {
        onLook.run();
        Tailer.Taken taken = tailer.take(StreamRights.LOOK);
        to.look();
        if (taken != null) {
          to.send(response(taken));
        }
      }
    } finally {
      tails.close(tailer);
    }
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
