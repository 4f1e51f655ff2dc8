package dev.seriatim.service.caller;

import dev.seriatim.service.Access;
import dev.seriatim.service.Caller;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Lets one caller in, to one object: whether it may open a stub there, and for how long that may
 * stay. One thread {@link #open opens} it; the end may come on any.
 */
public final class Admission {
  /** Whoever may not stay. */
  public interface Stays {
    /** It is over, by now or soon. On any thread, and more than once maybe. */
    void over(Refusal why);
  }

  private final Authorization authorization;
  private final Identity identity;
  private final @Nullable Stays stays;

  /** What was given; null before. Written by the opener. */
  private volatile @Nullable Granted granted;

  /** The opener's own. */
  private @Nullable StubCaller opened;

  /** Why it is over; null if it isn't. */
  private volatile @Nullable Refusal over;

  /** Null if the credentials don't run out. Guarded by this. */
  private @Nullable Future<?> runsOut;

  private record Granted(String namespace, DurableObjectId id, Access access) {}

  Admission(Authorization authorization, Identity identity, @Nullable Stays stays) {
    this.authorization = authorization;
    this.identity = identity;
    this.stays = stays;
    this.over = identity.refusal();
  }

  /** Lets it end when the credentials have run out, or are taken back. */
  void begin() {
    if (over == null && !identity.counts().getAsBoolean()) {
      over = takenBack();
    }
    Instant until = identity.until();
    if (until == null || over != null) {
      return;
    }
    Duration left = authorization.left(until);
    if (left.isZero()) {
      over = runOut();
    } else if (stays != null) {
      await(left);
    }
  }

  private synchronized void await(Duration left) {
    runsOut = authorization.after(left, this::runsOut);
  }

  /** The timer goes by another clock: it may be early. */
  private void runsOut() {
    Instant until = identity.until();
    Duration left = until == null ? Duration.ZERO : authorization.left(until);
    if (left.isZero()) {
      end(runOut());
    } else {
      synchronized (this) {
        if (runsOut != null) {
          await(left);
        }
      }
    }
  }

  private static Refusal runOut() {
    return Refusal.expired("the credentials have run out");
  }

  private static Refusal takenBack() {
    return Refusal.expired("the credentials were taken back, or say something else by now");
  }

  /** The credentials may not count any more. */
  void lookAtCredentials() {
    if (over == null && !identity.counts().getAsBoolean()) {
      end(takenBack());
    }
  }

  private void end(Refusal why) {
    over = why;
    if (stays != null) {
      stays.over(why);
    }
  }

  /** Who is let in. */
  public Caller caller() {
    return identity.caller();
  }

  /** Why the caller may not be here, or not any more; null if it may. */
  public @Nullable Refusal over() {
    return over;
  }

  /**
   * The caller is let in at all.
   *
   * @throws RefusedException if it isn't
   */
  public void requireIn() throws RefusedException {
    Refusal refused = over;
    if (refused != null) {
      throw new RefusedException(refused);
    }
  }

  /**
   * Opens the object, as far as the caller may.
   *
   * @throws RefusedException if it may do nothing
   */
  public void open(String namespace, DurableObjectId id, MethodTable methods)
      throws RefusedException {
    requireIn();
    int changes = authorization.changes();
    Access access = authorization.ask(caller(), namespace, id);
    if (access instanceof Access.Denied) {
      throw new RefusedException(Refusal.denied("the caller may not open this object"));
    }
    granted = new Granted(namespace, id, access);
    if (changes != authorization.changes()) {
      askAgain(); // Whoever has changed it may not have seen what was given.
    }
    opened = StubCaller.of(caller(), access, methods);
  }

  /**
   * What a stub's turns are to know of the caller; null if it is anonymous and may do everything.
   */
  public @Nullable StubCaller stubCaller() {
    return opened;
  }

  /** The authorizer may answer otherwise by now. */
  void askAgain() {
    Granted before = granted;
    if (before == null || over != null) {
      return;
    }
    Access now = authorization.ask(caller(), before.namespace(), before.id());
    if (!includes(now, before.access())) {
      end(Refusal.expired("the caller's rights have changed"));
    }
  }

  /** Whether nothing was taken away. */
  private static boolean includes(Access now, Access before) {
    return switch (now) {
      case Access.All _ -> true;
      case Access.Denied _ -> before instanceof Access.Denied;
      case Access.Methods some ->
          before instanceof Access.Methods had && some.names().containsAll(had.names());
    };
  }

  /** The stub has ended. May be called again. */
  public void close() {
    authorization.closed(this);
    synchronized (this) {
      if (runsOut != null) {
        runsOut.cancel(false);
        runsOut = null;
      }
    }
  }
}
