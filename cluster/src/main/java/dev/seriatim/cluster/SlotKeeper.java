package dev.seriatim.cluster;

import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.service.storage.Slots;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One slot, an entity of the shard that is its {@link SlotRun}. Where it runs, the slot is taken
 * when it starts, and given up when it is handed off. In between it says where it is.
 */
final class SlotKeeper extends AbstractBehavior<SlotKeeper.Command> {
  private static final Logger LOGGER = LoggerFactory.getLogger(SlotKeeper.class);

  /** How long it takes until it is tried again to take a slot, if that has failed. */
  private static final Duration AGAIN = Duration.ofMillis(250);

  interface Command {}

  /** Where are you? Starts the keeper if there is none. Answered by {@link SlotRouter.Here}. */
  record Where(Question question, ActorRef<SlotRouter.Message> replyTo) implements Command {}

  enum Word implements Command {
    /** The slot moves to another host, or this host leaves. The keeper has to stop. */
    HAND_OFF,
    /** It is this slot's turn to leave. */
    MAY_LEAVE,
    /** It isn't this host's any more. */
    GIVEN,
    /** The store says that this host doesn't have the slot any more. */
    LOST,
    /** To try it again to take the slot. */
    TAKE
  }

  /** What has become of the attempt with this number; null is well. */
  private record Taken(int attempt, @Nullable Throwable failure) implements Command {}

  /**
   * What the keepers of a host have in common.
   *
   * @param running those that run, by their slots
   */
  record Keepers(
      Slots slots,
      SlotHost host,
      HandOffs handOffs,
      LiveRoutes routes,
      AtomicReferenceArray<@Nullable ActorRef<Command>> running) {
    /** The store says that this host doesn't have this slot any more. */
    void lost(int slot) {
      ActorRef<Command> keeper = running.get(slot);
      if (keeper != null) {
        keeper.tell(Word.LOST);
      }
    }

    int count() {
      int count = 0;
      for (int slot = 0; slot < running.length(); slot++) {
        count += running.get(slot) == null ? 0 : 1;
      }
      return count;
    }
  }

  private enum State {
    TAKING,
    HERE,
    WAITING_TO_LEAVE,
    GIVING,
    GIVEN
  }

  private final int slot;
  private final Keepers keepers;

  /** Those who ask where the slot is while it is nowhere: the last question of each. */
  private final Map<ActorRef<SlotRouter.Message>, Question> asking = new HashMap<>();

  private State state = State.TAKING;
  private int attempt;

  private SlotKeeper(ActorContext<Command> context, int slot, Keepers keepers) {
    super(context);
    this.slot = slot;
    this.keepers = keepers;
    keepers.running().set(slot, context.getSelf());
    take();
  }

  static Behavior<Command> create(int slot, Keepers keepers) {
    return Behaviors.setup(context -> new SlotKeeper(context, slot, keepers));
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(Where.class, this::where)
        .onMessage(Taken.class, this::taken)
        .onMessageEquals(Word.HAND_OFF, this::handOff)
        .onMessageEquals(Word.MAY_LEAVE, this::mayLeave)
        .onMessageEquals(Word.GIVEN, this::given)
        .onMessageEquals(Word.LOST, this::lost)
        .onMessageEquals(Word.TAKE, this::takeAgain)
        .onSignal(PostStop.class, stopped -> stopped())
        .build();
  }

  private Behavior<Command> where(Where where) {
    switch (state) {
      case TAKING -> asking.put(where.replyTo(), where.question());
      case HERE, WAITING_TO_LEAVE -> answer(where.replyTo(), where.question());
      case GIVING, GIVEN -> {
        // Who asked will ask again, and find the next keeper.
      }
    }
    return this;
  }

  private void answer(ActorRef<SlotRouter.Message> replyTo, Question question) {
    replyTo.tell(new SlotRouter.Here(question, keepers.slots().host()));
  }

  private void take() {
    int number = ++attempt;
    getContext()
        .pipeToSelf(keepers.host().take(slot), (done, failure) -> new Taken(number, failure));
  }

  private Behavior<Command> taken(Taken taken) {
    if (state != State.TAKING || taken.attempt() != attempt) {
      return this;
    }
    if (taken.failure() != null) {
      if (!isCancelled(taken.failure())) {
        LOGGER.warn("slot {} could not be taken", slot, taken.failure());
      }
      getContext().scheduleOnce(AGAIN, getContext().getSelf(), Word.TAKE);
    } else if (!keepers.slots().has(slot)) {
      // It was lost before this came here.
      take();
    } else {
      state = State.HERE;
      asking.forEach(this::answer);
      asking.clear();
    }
    return this;
  }

  private static boolean isCancelled(Throwable failure) {
    return failure instanceof CancellationException
        || (failure instanceof CompletionException
            && failure.getCause() instanceof CancellationException);
  }

  private Behavior<Command> takeAgain() {
    if (state == State.TAKING) {
      take();
    }
    return this;
  }

  private Behavior<Command> lost() {
    switch (state) {
      case HERE -> {
        state = State.TAKING;
        take();
      }
      case WAITING_TO_LEAVE -> give();
      case TAKING, GIVING, GIVEN -> {}
    }
    return this;
  }

  private Behavior<Command> handOff() {
    switch (state) {
      case TAKING -> give();
      case HERE -> {
        state = State.WAITING_TO_LEAVE;
        ActorRef<Command> self = getContext().getSelf();
        keepers.handOffs().enter(slot, () -> self.tell(Word.MAY_LEAVE), System.nanoTime());
      }
      case WAITING_TO_LEAVE, GIVING, GIVEN -> {}
    }
    return this;
  }

  private Behavior<Command> mayLeave() {
    if (state == State.WAITING_TO_LEAVE) {
      give();
    }
    return this;
  }

  private void give() {
    state = State.GIVING;
    getContext()
        .pipeToSelf(
            keepers.host().give(slot),
            (done, failure) -> {
              if (failure != null && !isCancelled(failure)) {
                LOGGER.warn("slot {} could not be given up", slot, failure);
              }
              return Word.GIVEN;
            });
  }

  private Behavior<Command> given() {
    state = State.GIVEN;
    return Behaviors.stopped();
  }

  /** Also if the actor system ends without handing anything off. */
  private Behavior<Command> stopped() {
    if (keepers.running().compareAndSet(slot, getContext().getSelf(), null)) {
      if (state == State.GIVEN) {
        keepers.handOffs().given(slot, System.nanoTime());
      } else {
        keepers.handOffs().done(slot, System.nanoTime());
        if (state != State.GIVING) {
          // Until it has come true, or the next keeper wants the slot.
          var _ = keepers.host().give(slot);
        }
      }
      keepers.routes().isNotAt(slot, keepers.slots().host());
    }
    return this;
  }
}
