package dev.seriatim.stub;

import dev.seriatim.wire.LaneResponse;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Hands what has come on a {@link SharedCall} to its lanes: each gets its events one at a time and
 * in order, and none waits for another's callbacks.
 *
 * <p>Mostly callbacks are short, so one thread, the reader, tells the lanes of a message one after
 * the other. When it has been seen not to get on, it is left alone with the lane that it is telling
 * something, and another reads on; until it is done with that, each lane is told by a thread of its
 * own.
 *
 * <p>Threads: the fields are guarded by the shared call's lock. No lock is held while a lane is
 * told something.
 */
final class LaneInbox {
  /** Who tells so few lanes something between two looks at it doesn't get on. */
  private static final int FEW = 16;

  private final SharedCall call;
  private final Object lock; // The shared call's, and so is the ledger under it.
  private final SharedLedger<Lane> ledger;
  private final Executor executor;

  private final ArrayDeque<List<LaneResponse>> messages = new ArrayDeque<>();
  private List<LaneResponse> parts = List.of(); // The message that is read,
  private int next; // and the part of it that is next.
  private final ArrayDeque<LaneEvent> losses = new ArrayDeque<>(); // Behind all messages.
  private Consumer<Lane> loss = lane -> {};

  private @Nullable Reader reader;
  private int leftAlone; // Former readers that haven't come back.
  private @Nullable Reader watched;
  private int told;
  private int toldBefore;

  LaneInbox(SharedCall call, Object lock, SharedLedger<Lane> ledger, Executor executor) {
    this.call = call;
    this.lock = lock;
    this.ledger = ledger;
    this.executor = executor;
  }

  // ---- under the lock --------------------------------------------------------------------------

  /**
   * Takes a message in.
   *
   * @return who is to read it, to be {@linkplain #start started}; null if someone does already
   */
  @Nullable Reader add(List<LaneResponse> message) {
    messages.add(message);
    return claim();
  }

  /**
   * The call has ended, with this for the lanes that it leaves, behind all that has come for them.
   */
  void end(Consumer<Lane> forThoseLeft) {
    loss = forThoseLeft;
  }

  /** Who is to read what there is; null if someone does, or there is nothing. */
  @Nullable Reader claim() {
    if (reader != null || !hasMore()) {
      return null;
    }
    reader = new Reader();
    return reader;
  }

  private boolean hasMore() {
    return next < parts.size() || !messages.isEmpty() || !losses.isEmpty() || ledger.leavesLanes();
  }

  /** Lets go of what hasn't been read. */
  void drop() {
    messages.clear();
    parts = List.of();
    next = 0;
  }

  /** Whether someone reads. */
  boolean isReading() {
    return reader != null;
  }

  /** Whether something waits for the lane that is just told something. */
  boolean isCrowded() {
    return reader != null && hasMore();
  }

  /** Whether it is the calling thread that reads, and there is more than one lane to be told. */
  boolean isGathering() {
    return reader != null && reader.thread == Thread.currentThread() && parts.size() > 1;
  }

  /**
   * Looks whether the reader gets on; now and then, by the clock.
   *
   * @return who is to read on, to be {@linkplain #startElsewhere started}; null if it does, or
   *     there is nothing left to read
   */
  @Nullable Reader watch() {
    Reader started = null;
    if (reader != null && reader == watched && told - toldBefore < FEW) {
      leftAlone++;
      reader = null;
      started = claim();
    }
    watched = reader;
    toldBefore = told;
    return started;
  }

  // ---- the threads that tell -------------------------------------------------------------------

  void start(Reader started) {
    execute(executor, started);
  }

  /** Not on this thread, whatever the executor is. */
  void startElsewhere(Reader started) {
    SharedThreads.callbacks().execute(() -> start(started));
  }

  /** Tells a lane, which was claimed for that, this and whatever comes for it meanwhile. */
  void tellApart(LaneEvent event) {
    Executor own = event.lane().executor();
    execute(own == null ? executor : own, () -> inRootContext(() -> tellAll(event)));
  }

  private void tellAll(LaneEvent first) {
    LaneEvent event = first;
    while (event != null) {
      event.tell();
      synchronized (lock) {
        event = event.lane().nextUntold();
      }
    }
  }

  private static void execute(Executor by, Runnable task) {
    try {
      by.execute(task);
    } catch (RejectedExecutionException e) {
      SharedThreads.callbacks().execute(task); // Whoever waits for an end gets it.
    }
  }

  /** A stub outlives its callers, and inherits nothing from whoever brought an event about. */
  private static void inRootContext(Runnable task) {
    Context previous = Context.ROOT.attach();
    try {
      task.run();
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  /** Whoever is the inbox's reader, as long as it is. */
  final class Reader implements Runnable {
    private @Nullable Thread thread; // Guarded by the lock.

    // The thread's own.
    private boolean apart; // What is next is to be told by another thread.
    private boolean flush; // There may be something to send first.

    @Override
    public void run() {
      synchronized (lock) {
        thread = Thread.currentThread();
      }
      inRootContext(this::read);
    }

    private void read() {
      flush = true; // The message that has come may let another one leave.
      Lane before = null;
      LaneEvent event;
      do {
        event = next(before);
        before = null;
        if (flush) {
          flush = false;
          call.flush();
        }
        if (event != null && apart) {
          tellApart(event);
        } else if (event != null) {
          event.tell();
          before = event.lane();
        }
      } while (event != null);
    }

    /**
     * What is to be told next.
     *
     * @param before who has just been told something here
     */
    private @Nullable LaneEvent next(@Nullable Lane before) {
      try {
        synchronized (lock) {
          return nextOf(before);
        }
      } catch (HostViolationException e) {
        call.violated(e);
        return next(null);
      }
    }

    private @Nullable LaneEvent nextOf(@Nullable Lane before) throws HostViolationException {
      told++;
      apart = false;
      if (before != null) {
        LaneEvent more = before.nextUntold();
        if (more != null) {
          return more;
        }
      }
      if (reader != this) {
        leftAlone--;
        return null;
      }
      while (hasMore()) {
        LaneEvent event = take();
        if (event != null && event.lane().claimTelling(event)) {
          apart = leftAlone > 0 || event.lane().executor() != null;
          return event;
        }
      }
      reader = null;
      flush = true;
      return null;
    }

    /** Takes what is next; null if it is for a lane that hears nothing any more. */
    private @Nullable LaneEvent take() throws HostViolationException {
      if (next == parts.size()) {
        flush = true;
        next = 0;
        parts = List.of();
        if (messages.isEmpty()) {
          return nextLoss();
        }
        parts = messages.remove();
        return null;
      }
      LaneResponse part = parts.get(next++);
      Lane lane = ledger.lane(part.lane());
      if (lane == null) {
        return null;
      }
      ledger.hasWord(lane.hasWord());
      com.google.rpc.Status end = part.end();
      if (end == null) {
        return new LaneEvent(lane, part.frame(), null);
      }
      boolean unused = lane.go();
      ledger.ended(part.lane());
      flush |= ledger.attached() == 0;
      return new LaneEvent(lane, part.frame(), endOf(end));
    }
  }

  /** Under the lock. */
  private @Nullable LaneEvent nextLoss() {
    if (losses.isEmpty()) {
      for (Lane lane : ledger.leave()) {
        if (lane.go()) {
          losses.add(new LaneEvent(lane, null, loss));
        }
      }
    }
    return losses.poll();
  }

  /** What tells a lane that it has ended with this status. */
  private static Consumer<Lane> endOf(com.google.rpc.Status end) {
    if (end.getCode() == Status.Code.OK.value()) {
      return LaneInbox::endInOrder;
    }
    return lane -> {
      Status status = Status.fromCodeValue(end.getCode());
      if (!end.getMessage().isEmpty()) {
        status = status.withDescription(end.getMessage());
      }
      lane.session().connectionEnded(lane, status, FailureCause.trailers(end));
    };
  }

  private static void endInOrder(Lane lane) {
    lane.session().connectionEnded(lane, Status.OK, new Metadata());
  }
}
