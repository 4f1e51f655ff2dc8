package dev.seriatim.stub;

import dev.seriatim.wire.EncodedFrame;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The transport's end of a call in a race: notes what is done to it, and whether by one thread at a
 * time.
 */
@SuppressWarnings("ThreadPriorityCheck") // The threads yield to disturb each other.
abstract class RacedClientCall<R> extends ClientCall<EncodedFrame, R> {
  private final AtomicInteger writers = new AtomicInteger();
  private volatile @Nullable Listener<R> listener;
  volatile boolean ready;
  volatile boolean halfClosed;
  volatile boolean cancelled;

  /** The client has broken a rule. */
  abstract void breach(String what);

  final boolean hasBegun() {
    return listener != null;
  }

  final Listener<R> receiver() {
    Listener<R> started = listener;
    if (started == null) {
      throw new AssertionError("the call was not started");
    }
    return started;
  }

  @Override
  public void start(Listener<R> responseListener, Metadata headers) {
    listener = responseListener;
  }

  @Override
  public final void request(int numMessages) {}

  @Override
  public final void halfClose() {
    enter();
    halfClosed = true;
    leave();
  }

  @Override
  public final void cancel(@Nullable String message, @Nullable Throwable cause) {
    enter();
    cancelled = true;
    leave();
  }

  /** Someone writes from here on, and nobody else may. */
  final void enter() {
    if (writers.incrementAndGet() != 1) {
      breach("two writers at once");
    }
  }

  final void leave() {
    writers.decrementAndGet();
  }

  /** Lets other threads go ahead, or not. */
  static void pause(Random random) {
    switch (random.nextInt(4)) {
      case 0 -> Thread.yield();
      case 1 -> {
        for (int i = random.nextInt(300); i > 0; i--) {
          Thread.onSpinWait();
        }
      }
      default -> {}
    }
  }
}
