package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.OutputGate;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What an operator or a test wants of an object, beside what its stubs invoke. It waits in the
 * mailbox, holds the object until it was served, and is settled once. Any thread settles it, and
 * none of them may be held up by what hangs on that.
 */
abstract sealed class Order<T extends @Nullable Object> {
  private final CompletableFuture<T> settled = new CompletableFuture<>();

  /** What becomes of it; fails with a {@link BreakException} if it is refused or lost. */
  final CompletableFuture<T> settled() {
    return settled;
  }

  /** It is done, and needs to wait for nothing. */
  final void done(T result) {
    settled.complete(result);
  }

  /** It is done if this commit becomes durable. */
  final void doneWith(LiveObject object, long commit, T result) {
    follow(object, commit, () -> settled.complete(result));
  }

  /** It has failed, which may be told when this commit is durable. */
  final void failedWith(LiveObject object, long commit, Throwable thrown) {
    follow(object, commit, () -> settled.completeExceptionally(thrown));
  }

  /** It can't be done, or is lost. */
  final void refuse(BreakCause cause) {
    settled.completeExceptionally(new BreakException(cause));
  }

  /** The host has failed at it. */
  final void fail(Throwable thrown) {
    settled.completeExceptionally(thrown);
  }

  private void follow(LiveObject object, long commit, Runnable durable) {
    object
        .gate()
        .follow(
            new OutputGate.Follower() {
              @Override
              public void durable() {
                durable.run();
              }

              @Override
              public void failed(BreakCause cause) {
                refuse(cause);
              }
            },
            commit);
  }

  /** To run this as a turn. */
  static final class Run<T extends @Nullable Object> extends Order<T> {
    private final TurnCode<T> code;

    /** The turn's thread's own. */
    private Supplier<T> result =
        () -> {
          throw new IllegalStateException("the turn has not run");
        };

    Run(TurnCode<T> code) {
      this.code = code;
    }

    /** Runs it, on the turn's thread. */
    void run(DurableObjectState state) throws Exception {
      T made = code.run(state);
      result = () -> made;
    }

    /** It has run, and is done if this commit becomes durable. */
    void ranWith(LiveObject object, long commit) {
      doneWith(object, commit, result.get());
    }
  }

  /** To let go of the instance. Says whether there was one. */
  static final class Evict extends Order<Boolean> {}

  /** To run the alarm, also if it isn't due. Says whether there was one. */
  static final class RunAlarm extends Order<Boolean> {}
}
