package dev.seriatim.cluster;

import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.service.storage.Slots;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
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
 * when it starts, and then it says where it is. When it is handed off it stops at once; what it had
 * is given up when the next keeper asks for it: see {@link HandOffs}.
 */
final class SlotKeeper extends AbstractBehavior<SlotKeeper.Command> {
  private static final Logger LOGGER = LoggerFactory.getLogger(SlotKeeper.class);

  /** How long it takes until it is tried again to take a slot, if that has failed. */
  private static final Duration AGAIN = Duration.ofMillis(250);

  interface Command {}

  /** Where are you? Starts the keeper if there is none. Answered by {@link SlotRouter.Here}. */
  record Where(Question question, ActorRef<SlotRouter.Message> replyTo) implements Command {}

  /** The host that had the slot has given it up for this keeper. */
  record Given() implements Command {}

  enum Word implements Command {
    /** The slot moves to another host, or this host leaves. The keeper has to stop. */
    HAND_OFF,
    /** What it had or wished for isn't this host's any more. */
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
      if (!tellLost(slot)) {
        handOffs.forget(slot, System.nanoTime());
      }
    }

    private boolean tellLost(int slot) {
      ActorRef<Command> keeper = running.get(slot);
      if (keeper != null) {
        keeper.tell(Word.LOST);
      }
      return keeper != null;
    }

    /** Whether this host has this slot though it has no keeper, so that another may have it. */
    boolean hasWithoutKeeper(int slot) {
      return running.get(slot) == null && slots.has(slot);
    }

    /** Gives up these slots, which have no keeper here. */
    void give(Set<Integer> slots) {
      slots.forEach(slot -> give(slot, () -> {}));
    }

    /**
     * Gives this slot up, which has no keeper here.
     *
     * @param then is run when that is done, or called off
     */
    void give(int slot, Runnable then) {
      var _ =
          host.give(slot)
              .whenComplete(
                  (_, failure) -> {
                    if (failure != null && !isCancelled(failure)) {
                      LOGGER.warn("slot {} could not be given up", slot, failure);
                    }
                    handOffs.given(slot, System.nanoTime());
                    if (failure == null && !slots.has(slot)) {
                      routes.left(slot, slots.host());
                      tellLost(slot); // One may have come back here meanwhile.
                    }
                    then.run();
                  });
    }

    /** Whether this host has any slot, or a keeper that wants one. */
    boolean hasAny() {
      for (int slot = 0; slot < running.length(); slot++) {
        if (running.get(slot) != null || slots.has(slot)) {
          return true;
        }
      }
      return false;
    }
  }

  private enum State {
    TAKING,
    HERE,
    GIVING,
    GIVEN,
    HANDED_OFF
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
    keepers.handOffs().forget(slot, System.nanoTime());
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
        .onMessage(Given.class, given -> takeAgain())
        .onMessageEquals(Word.HAND_OFF, this::handOff)
        .onMessageEquals(Word.GIVEN, this::given)
        .onMessageEquals(Word.LOST, this::lost)
        .onMessageEquals(Word.TAKE, this::takeAgain)
        .onSignal(PostStop.class, stopped -> stopped())
        .build();
  }

  private Behavior<Command> where(Where where) {
    switch (state) {
      case TAKING -> {
        asking.put(where.replyTo(), where.question());
        // If it comes from the host that has the slot, that one gives it up now.
        where.replyTo().tell(new SlotRouter.Taking(slot, getContext().getSelf()));
      }
      case HERE -> answer(where.replyTo(), where.question());
      case GIVING, GIVEN, HANDED_OFF -> {
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
      case TAKING, GIVING, GIVEN, HANDED_OFF -> {}
    }
    return this;
  }

  private Behavior<Command> handOff() {
    return switch (state) {
      case TAKING, HERE -> {
        if (keepers.slots().has(slot)) { // Also if it hasn't heard of that yet.
          state = State.HANDED_OFF;
          yield Behaviors.stopped();
        }
        give();
        yield this;
      }
      case GIVING, GIVEN, HANDED_OFF -> this;
    };
  }

  /** What it has wished for, and may get at this moment. */
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
      switch (state) {
        case HANDED_OFF -> {
          if (keepers.handOffs().keep(slot)) {
            keepers.routes().askAnew(slot);
          } else {
            keepers.give(Set.of(slot));
          }
        }
        // Until it has come true, or the next keeper wants the slot.
        case TAKING, HERE -> {
          keepers.give(Set.of(slot));
          keepers.routes().isNotAt(slot, keepers.slots().host());
        }
        case GIVING, GIVEN -> keepers.routes().isNotAt(slot, keepers.slots().host());
      }
    }
    return this;
  }
}
