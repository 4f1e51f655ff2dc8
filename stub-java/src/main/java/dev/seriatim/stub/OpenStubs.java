package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;

/**
 * The stubs of one {@linkplain DurableObjects#scope scope}, which are closed with it. Keeps none of
 * them from being collected, and forgets those that have ended. Safe for any number of threads.
 */
final class OpenStubs {
  private static final int FEW = 8;

  @GuardedBy("this")
  private List<WeakReference<Session>> sessions = new ArrayList<>(1);

  /** With how many it is looked next which of them have ended. */
  @GuardedBy("this")
  private int lookAt = FEW;

  @GuardedBy("this")
  private boolean closed;

  /** A stub is there. It is closed at once if the scope is. */
  void add(Session session) {
    synchronized (this) {
      if (!closed) {
        if (sessions.size() >= lookAt) {
          sessions.removeIf(OpenStubs::hasEnded);
          lookAt = Math.max(FEW, 2 * sessions.size());
        }
        sessions.add(new WeakReference<>(session));
        return;
      }
    }
    session.close();
  }

  private static boolean hasEnded(WeakReference<Session> of) {
    Session session = of.get();
    return session == null || session.whenEnded().hasCome();
  }

  /** The stubs that have been used, have not broken and were never closed, for people. */
  synchronized List<String> left() {
    return sessions.stream()
        .map(WeakReference::get)
        .filter(session -> session != null && session.isLeftOpen())
        .map(String::valueOf)
        .toList();
  }

  /** Closes those that are open, and all that are yet to come. */
  void close() {
    List<WeakReference<Session>> left;
    synchronized (this) {
      closed = true;
      left = sessions;
      sessions = new ArrayList<>(0);
    }
    for (WeakReference<Session> of : left) {
      Session session = of.get();
      if (session != null) {
        session.close();
      }
    }
  }
}
