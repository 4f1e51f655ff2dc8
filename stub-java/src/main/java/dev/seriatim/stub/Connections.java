package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The gRPC calls of a resumable stub, one after the other: does what the {@link Resumption} says,
 * begins the next connection when one is lost, and gives up.
 *
 * <p>There is never more than one: the next one begins when the one before has ended.
 *
 * <p>Threads: connections are begun by whoever makes the first call, by the receiver of the one
 * before, or behind a pause by the client's executor. What has come is told by the receiver, one
 * event at a time. The fields are guarded by the session's lock.
 */
final class Connections {
  private static final Logger LOGGER = Logger.getLogger(Connections.class.getName());
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int ID_BYTES = 16;

  private final Session session;
  private final Object lock; // The session's, and so is the ledger under it.
  private final Ledger ledger;
  private final Resumption resumption;
  private final Channel channel;
  private final @Nullable SharedCalls sharedCalls;

  // The session's id, which is a secret; made for the first connection.
  private long idHigh;
  private long idLow;

  private int outage; // The number of this one, or of the next one.
  private @Nullable ScheduledFuture<?> pause;
  private @Nullable ScheduledFuture<?> givingUp;

  Connections(
      Session session,
      Object lock,
      Ledger ledger,
      Resumption resumption,
      Channel channel,
      @Nullable SharedCalls sharedCalls) {
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.resumption = resumption;
    this.channel = channel;
    this.sharedCalls = sharedCalls;
  }

  // ---- a connection begins ---------------------------------------------------------------------

  /**
   * What is to carry the stub next. Under the lock.
   *
   * @param there where it may be opened instead; null if it is to be opened as ever
   */
  Link next(@Nullable RouteChannel there, Opening opening) {
    Open open =
        opening.open().toBuilder().setSession(resumption.next(id(), ledger.answered())).build();
    return there == null
        ? session.newLink(channel, sharedCalls, open)
        : session.newLink(there, there.sharedCalls(session.options()), open);
  }

  private ByteString id() {
    if (idHigh == 0 && idLow == 0) {
      byte[] random = new byte[ID_BYTES];
      RANDOM.nextBytes(random);
      ByteBuffer bytes = ByteBuffer.wrap(random);
      idHigh = bytes.getLong();
      idLow = bytes.getLong();
    }
    ByteBuffer bytes = ByteBuffer.allocate(ID_BYTES).putLong(idHigh).putLong(idLow);
    return ByteString.copyFrom(bytes.flip());
  }

  /** There is a call again. Whether {@link #begin} is to be called for it. Under the lock. */
  boolean wake() {
    boolean woken = resumption.wake();
    if (woken) {
      expectGivingUp();
    }
    return woken;
  }

  /** Begins the next one, if the stub still waits for it. */
  void begin() {
    Link claimed;
    synchronized (lock) {
      pause = null;
      if (!resumption.isAway() || ledger.isBroken() || ledger.isOver()) {
        return;
      }
      claimed = session.carryAnew();
    }
    session.expectOpening();
    if (claimed != null) {
      claimed.write();
    }
  }

  // ---- what the host says of it ----------------------------------------------------------------

  /**
   * The host has opened this one.
   *
   * @return false if the stub can't go on here, and so is broken
   */
  boolean opened(Opened opened) throws HostViolationException {
    boolean goesOn;
    synchronized (lock) {
      goesOn = ledger.opened(resumption, opened.hasSession() ? opened.getSession() : null);
      if (goesOn) {
        outage++;
        cancel(givingUp);
        givingUp = null;
      }
    }
    if (goesOn) {
      session.kick();
    } else {
      FailureCause unknown =
          FailureCause.of(
              Reasons.CONNECTION_LOST,
              Status.Code.UNAVAILABLE,
              "the host that the stub was resumed at has no sessions",
              true);
      session.end(session.breakStub(unknown), Fate.UNKNOWN);
    }
    return goesOn;
  }

  // ---- it ends ---------------------------------------------------------------------------------

  /**
   * Has this one ended from this side. Under the lock.
   *
   * @return false if the stub is to be broken instead
   */
  boolean end(FailureCause why) {
    if (!resumption.isResumable() || resumption.isAway() || ledger.isBroken()) {
      return false;
    }
    resumption.endBecause(why);
    ledger.sending().abandon();
    return true;
  }

  /**
   * This one has ended.
   *
   * @return false if the stub ends with it
   */
  boolean ended(Status status, Metadata trailers) {
    FailureCause lost;
    long wait;
    synchronized (lock) {
      if (ledger.isOver()
          || ledger.isBroken()
          || ledger.isFinished()
          || !resumption.isResumable()) {
        return false;
      }
      wait =
          ledger.lost(
              resumption,
              FailureCause.connectionLost(status, trailers),
              ThreadLocalRandom.current().nextDouble());
      lost = resumption.cause();
      if (wait == Resumption.GIVE_UP || isShutDown()) {
        boolean unused = ledger.breakWith(lost);
        return false;
      }
      session.suspended();
      if (wait != Resumption.NOT_YET && givingUp == null) {
        expectGivingUp();
      }
      if (wait > 0 && wait != Resumption.NOT_YET) {
        pause = schedule(() -> execute(this::begin), wait);
      }
    }
    LOGGER.log(Level.FINE, "The stub on {0} is resumed: {1}", new Object[] {session, lost});
    session.forgetRoute(lost);
    if (wait == 0) {
      begin();
    }
    return true;
  }

  /** Under the lock. */
  private void expectGivingUp() {
    int lasting = outage;
    givingUp = schedule(() -> giveUp(lasting), resumption.untilGivenUp());
  }

  /** Whether the client has been closed. */
  private boolean isShutDown() {
    return channel instanceof ManagedChannel managed && managed.isShutdown();
  }

  /** The stub has not been resumed in time. */
  private void giveUp(int lasting) {
    Link claimed = null;
    boolean away;
    FailureCause cause;
    synchronized (lock) {
      cause = resumption.cause();
      if (lasting != outage || !resumption.isSuspended() || !ledger.breakWith(cause)) {
        return;
      }
      away = resumption.isAway();
      if (!away) {
        claimed = session.claim();
      }
    }
    if (away) {
      endSoon(cause);
    } else if (claimed != null) {
      claimed.write();
    }
  }

  /** The stub is broken, and there is no connection whose end would end it. */
  void endSoon(FailureCause cause) {
    execute(() -> session.end(cause, Fate.UNKNOWN));
  }

  /** The stub has ended. Under the lock. */
  void stop() {
    cancel(pause);
    cancel(givingUp);
    pause = null;
    givingUp = null;
  }

  private static void cancel(@Nullable ScheduledFuture<?> task) {
    if (task != null) {
      task.cancel(false);
    }
  }

  private @Nullable ScheduledFuture<?> schedule(Runnable task, long nanos) {
    try {
      return session.options().scheduler().schedule(task, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOGGER.log(Level.WARNING, "The scheduler of a client takes no tasks.", e);
      return null;
    }
  }

  /** Not on the scheduler's thread, which serves all stubs of the process. */
  private void execute(Runnable task) {
    Executor executor = session.options().callbackExecutor();
    try {
      executor.execute(task);
    } catch (RejectedExecutionException e) {
      SharedThreads.callbacks().execute(task);
    }
  }
}
