package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * What is asked of the thread of the lease, in the order in which it was asked. Asked by any
 * thread, which waits for the answer; taken and answered by that one.
 */
final class SlotRequests {
  /** What the thread does on its connection, in transactions of its own. */
  interface Action<T> {
    T on(Connection connection) throws SQLException;
  }

  /** Something that was asked. */
  sealed interface Request {
    CompletableFuture<?> answer();
  }

  /** As {@link Slots#claim}. */
  record Claim(Set<Integer> slots, CompletableFuture<Set<Integer>> answer) implements Request {}

  /** As {@link Slots#give}. */
  record Give(Set<Integer> slots, CompletableFuture<Boolean> answer) implements Request {}

  /** Anything else. */
  record Act<T>(Action<T> action, CompletableFuture<T> answer) implements Request {
    void act(Connection connection) throws SQLException {
      answer.complete(action.on(connection));
    }
  }

  @GuardedBy("this")
  private List<Request> asked = new ArrayList<>();

  @GuardedBy("this")
  private boolean closed;

  private synchronized void add(Request request) {
    if (closed) {
      request.answer().completeExceptionally(new StorageException("the host is closed"));
    } else {
      asked.add(request);
    }
  }

  /**
   * Asks this of a lease, and waits for the answer. Doesn't let itself be interrupted: what was
   * asked is done all the same.
   */
  <T> T ask(HostLease lease, Request request, CompletableFuture<T> answer) {
    if (lease.isCurrentThread()) {
      throw new IllegalStateException("asked by a listener, expected another thread");
    }
    add(request);
    lease.poke();
    try {
      return Uninterruptibles.getUninterruptibly(answer);
    } catch (ExecutionException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      throw new StorageException("the store was asked in vain: " + why.getMessage(), why);
    }
  }

  // ---- the thread of the lease

  synchronized boolean isEmpty() {
    return asked.isEmpty();
  }

  /** All that was asked. */
  synchronized List<Request> take() {
    List<Request> taken = asked;
    asked = new ArrayList<>();
    return taken;
  }

  /** Nothing will be done of what was asked. */
  void failAll(Throwable why) {
    take().forEach(request -> request.answer().completeExceptionally(why));
  }

  /** Nothing will be done any more. */
  void close() {
    synchronized (this) {
      closed = true;
    }
    failAll(new StorageException("the host is closed"));
  }
}
