package dev.seriatim.benchmarks.pekko;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/** The entity that is measured: a number in memory. */
final class Counter extends AbstractBehavior<Counter.Increment> {
  private long value;

  /** Adds the amount to the counter of this name, which answers with the sum. */
  record Increment(String name, long amount, ActorRef<Value> replyTo) {}

  record Value(long value) {}

  private Counter(ActorContext<Increment> context) {
    super(context);
  }

  static Behavior<Increment> create() {
    return Behaviors.setup(Counter::new);
  }

  @Override
  public Receive<Increment> createReceive() {
    return newReceiveBuilder().onMessage(Increment.class, this::increment).build();
  }

  private Behavior<Increment> increment(Increment message) {
    value += message.amount();
    message.replyTo().tell(new Value(value));
    return this;
  }
}
