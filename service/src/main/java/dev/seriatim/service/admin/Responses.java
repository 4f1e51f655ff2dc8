package dev.seriatim.service.admin;

import dev.seriatim.service.session.BreakException;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;

/**
 * Sends the many responses of a call from a thread of their own, which waits while the client
 * doesn't read. The transport's threads tell it when to go on.
 */
final class Responses<R> {
  /** What makes the responses. */
  @FunctionalInterface
  interface Source<R> {
    /** Sends them all. Runs on a thread that may be held up. */
    void sendTo(Responses<R> responses) throws Exception;
  }

  private final ServerCallStreamObserver<R> call;
  private final StreamRights rights;

  /** Called when the client is gone. */
  private volatile Runnable onCancel = () -> {};

  private Responses(ServerCallStreamObserver<R> call, StreamRights rights) {
    this.call = call;
    this.rights = rights;
  }

  /**
   * Lets this source answer the call, whose method is running.
   *
   * @param rights what the caller needs until the end
   */
  static <R> void send(
      ServerCallStreamObserver<R> call, StreamRights rights, Executor threads, Source<R> source) {
    Responses<R> responses = new Responses<>(call, rights);
    call.setOnReadyHandler(responses::wake);
    call.setOnCancelHandler(responses::cancelled);
    threads.execute(Context.current().wrap(() -> responses.run(source)));
  }

  private void run(Source<R> source) {
    try {
      source.sendTo(this);
    } catch (Throwable thrown) { // Whatever it is, the client has to know.
      if (!call.isCancelled()) {
        call.onError(Failures.status(thrown));
      }
      return;
    }
    if (!call.isCancelled()) {
      call.onCompleted();
    }
  }

  /** Calls this when the client is gone, also if it is by now. */
  void onCancel(Runnable listener) {
    onCancel = listener;
    if (call.isCancelled()) {
      listener.run();
    }
  }

  private void cancelled() {
    wake();
    onCancel.run();
  }

  private synchronized void wake() {
    notifyAll();
  }

  /**
   * Sends one more, when the client has read enough of those before.
   *
   * @throws CancellationException if the client is gone
   * @throws BreakException if it may have no more
   */
  void send(R response) throws InterruptedException, BreakException {
    while (!awaitReady(StreamRights.LOOK.toMillis())) {
      look();
    }
    look();
    sendNow(response);
  }

  /**
   * The same for what is held open meanwhile.
   *
   * @throws StatusException if the client reads nothing for so long
   */
  void send(R response, Duration patience)
      throws InterruptedException, BreakException, StatusException {
    long end = System.nanoTime() + patience.toNanos();
    long left = patience.toMillis();
    while (!awaitReady(Math.min(left, StreamRights.LOOK.toMillis()))) {
      look();
      left = (end - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        throw Status.DEADLINE_EXCEEDED
            .withDescription(
                "the client has read nothing for "
                    + patience.toSeconds()
                    + " s while something was held open for it")
            .asException();
      }
    }
    look();
    sendNow(response);
  }

  /** Waits, but for so long, until one more may be sent or the client is gone. Whether it is so. */
  @SuppressWarnings("WaitNotInLoop") // It is called in one.
  private synchronized boolean awaitReady(long millis) throws InterruptedException {
    if (!call.isReady() && !call.isCancelled()) {
      wait(millis);
    }
    return call.isReady() || call.isCancelled();
  }

  /**
   * The client may still have what is sent.
   *
   * @throws BreakException if it may not
   */
  void look() throws BreakException {
    rights.look();
  }

  /** One at a time: several threads may send. */
  private synchronized void sendNow(R response) {
    if (call.isCancelled()) {
      throw new CancellationException("the client has gone");
    }
    call.onNext(response);
  }

  /** Whether one more would be sent at once. */
  boolean isReady() {
    return call.isReady();
  }

  /** Whether the client is gone. */
  boolean isCancelled() {
    return call.isCancelled();
  }
}
