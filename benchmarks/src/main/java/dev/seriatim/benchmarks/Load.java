package dev.seriatim.benchmarks;

import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/**
 * Something that can be called again and again, on a connection of its own.
 *
 * @param call makes one call, on any thread; its answer is told to whoever opened the load
 * @param width over how many stubs, or streams, the calls are spread
 */
record Load(Runnable call, int width, ManagedChannel channel) {
  private static final long END_SECONDS = 5;

  /** Opens a load. */
  interface Opener {
    /**
     * Opens one.
     *
     * @param onAnswer run once for each answer, on whatever thread it comes on
     */
    Load open(Runnable onAnswer);
  }

  /** Ends the connection, so that the load behind it doesn't run into the next one. */
  void end() throws InterruptedException {
    channel.shutdownNow();
    channel.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
  }
}
