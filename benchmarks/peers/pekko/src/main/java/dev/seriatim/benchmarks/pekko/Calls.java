package dev.seriatim.benchmarks.pekko;

import dev.seriatim.benchmarks.pekko.Counter.Increment;
import dev.seriatim.benchmarks.pekko.Counter.Value;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** The ways to call one counter from another node. */
record Calls(Node node, String counter) {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** Something that makes a call each time it is run. */
  interface Load {
    /**
     * Opens one.
     *
     * @param onAnswer run once for each answer, on whatever thread it comes on
     */
    Runnable open(Runnable onAnswer);
  }

  Load named(String name) {
    return switch (name) {
      case "ask" -> this::ask;
      case "tell" -> this::tell;
      default -> throw new IllegalArgumentException("load " + name + ", expected ask or tell");
    };
  }

  /** The sum that the counter has come to. */
  long value() throws Exception {
    return increment(0).toCompletableFuture().get().value();
  }

  private Runnable ask(Runnable onAnswer) {
    return () ->
        increment(1)
            .whenComplete(
                (value, failure) -> {
                  if (failure == null) {
                    onAnswer.run();
                  } else {
                    node.system().log().error("a call failed", failure);
                  }
                });
  }

  /** One actor makes all the calls and gets all the answers. */
  private Runnable tell(Runnable onAnswer) {
    ActorRef<Value> caller =
        node.system()
            .systemActorOf(
                Behaviors.<Value>receiveMessage(
                    value -> {
                      onAnswer.run();
                      return Behaviors.same();
                    }),
                "caller-" + System.nanoTime(),
                Props.empty());
    return () -> node.counters().tell(new Increment(counter, 1, caller));
  }

  private CompletionStage<Value> increment(long amount) {
    return AskPattern.ask(
        node.counters(),
        replyTo -> new Increment(counter, amount, replyTo),
        TIMEOUT,
        node.system().scheduler());
  }
}
