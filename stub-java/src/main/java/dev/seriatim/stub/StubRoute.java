package dev.seriatim.stub;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.v1.Opened;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * What one stub has to do with the {@link Routes} of its client: it is opened where they say, and
 * they learn from it. Safe for any number of threads.
 */
final class StubRoute {
  private final Routes routes;
  private final String path;
  private final @Nullable String id; // If it is known without asking anyone.

  @GuardedBy("this")
  private @Nullable RouteChannel taken; // Until the stub is over.

  @GuardedBy("this")
  private boolean opened;

  StubRoute(Routes routes, String path, @Nullable String id) {
    this.routes = routes;
    this.path = path;
    this.id = id;
  }

  /**
   * Where to open the stub, when it is called first, or resumed; null if that is where it would be
   * anyway.
   */
  synchronized @Nullable RouteChannel begin() {
    opened = false;
    taken = routes.open(path, id);
    return taken;
  }

  /** The stub is open. */
  void opened(Opened by) {
    boolean elsewhere;
    synchronized (this) {
      opened = true;
      elsewhere = taken != null;
    }
    if (by.hasRoute()) {
      routes.learn(id == null ? path : null, by.getId(), by.getRoute());
    } else if (!elsewhere) {
      routes.forget(by.getId());
    }
  }

  /** The stub is over, for this cause if it broke. */
  void ended(@Nullable FailureCause cause) {
    RouteChannel at;
    boolean wasOpened;
    synchronized (this) {
      at = taken;
      taken = null;
      wasOpened = opened;
    }
    if (at != null) {
      if (cause != null && speaksAgainst(cause, wasOpened)) {
        routes.distrust(at);
      }
      routes.ended(at);
    }
  }

  /** Whether the next stub had better be opened elsewhere. */
  private static boolean speaksAgainst(FailureCause cause, boolean wasOpened) {
    return switch (cause.reason()) {
      case Reasons.STUB_CANCELLED -> false;
      case Reasons.CONNECTION_LOST, Reasons.HOST_VIOLATION -> true;
      default -> !wasOpened || cause.code() == Status.Code.UNAVAILABLE;
    };
  }
}
