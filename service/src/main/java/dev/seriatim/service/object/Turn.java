package dev.seriatim.service.object;

import com.google.protobuf.Value;
import dev.seriatim.service.dispatch.Reply;
import dev.seriatim.service.storage.Alarm;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Outcome;
import io.grpc.Metadata;
import io.grpc.Status;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The execution of one invocation.
 *
 * <p>A turn ends once: either its own thread {@link #finish finishes} it, or another one {@link
 * #cut cuts} it off. Whoever wins goes on with the object; after a cut the turn's own thread may
 * touch nothing of the object any more.
 */
final class Turn implements Reply {
  private static final VarHandle ENDED;

  static {
    try {
      ENDED = MethodHandles.lookup().findVarHandle(Turn.class, "ended", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long number;
  private final @Nullable StubQueue stub;
  private final long sequence;
  private final @Nullable Alarm alarm;
  private final Instance instance;
  private final Thread thread = Thread.currentThread();

  // Written once, by finish or cut.
  @SuppressWarnings("unused") // Through the handle.
  private volatile boolean ended;

  private volatile boolean cutOff;
  private volatile boolean interrupted; // Or never will be.

  // Written by whoever closes the reply, before `closed`.
  private @Nullable Content message;
  private @Nullable Value json;
  private @Nullable BreakCause failure;
  private volatile boolean closed;

  // The turn thread's own.
  private @Nullable Outcome outcome;

  /** A turn for an invocation of this stub. */
  Turn(long number, StubQueue stub, long sequence, Instance instance) {
    this.number = number;
    this.stub = stub;
    this.alarm = null;
    this.sequence = sequence;
    this.instance = instance;
  }

  /** A turn for an alarm. */
  Turn(long number, Alarm alarm, Instance instance) {
    this.number = number;
    this.stub = null;
    this.sequence = 0;
    this.alarm = alarm;
    this.instance = instance;
  }

  /** The how many-th turn of the object it is, as long as that is in memory: 1, 2, 3, … */
  long number() {
    return number;
  }

  /** The stub whose invocation it is, or null. */
  @Nullable StubQueue stub() {
    return stub;
  }

  /** The alarm that it is, or null. */
  @Nullable Alarm alarm() {
    return alarm;
  }

  long sequence() {
    return sequence;
  }

  Instance instance() {
    return instance;
  }

  @Override
  public void message(Content response) {
    message = response;
    close();
  }

  @Override
  public void json(Value response) {
    json = response;
    close();
  }

  @Override
  public void failed(Status status, Metadata trailers) {
    failure =
        BreakCause.thrown(
            BreakReason.OBJECT_EXCEPTION, status, trailers, "the object failed without a message");
    close();
  }

  private void close() {
    closed = true;
    if (Thread.currentThread() != thread) {
      LockSupport.unpark(thread);
    }
  }

  /** Waits, on the turn's own thread, until the reply is closed or the turn is cut off. */
  void awaitReply() {
    while (!closed && !cutOff) {
      LockSupport.park(this);
      // An interrupt that is no cut means nothing to a turn whose handler has returned.
      boolean _ = Thread.interrupted();
    }
  }

  /** Ends the turn, on its own thread. False if it has been cut off. */
  boolean finish() {
    if (ENDED.compareAndSet(this, false, true)) {
      return true;
    }
    // The thread may be a transport's, which goes on: the interrupt must not come later.
    while (!interrupted) {
      Thread.onSpinWait();
    }
    boolean _ = Thread.interrupted();
    return false;
  }

  /** Ends the turn, from outside. False if it has ended. */
  boolean cut() {
    if (!ENDED.compareAndSet(this, false, true)) {
      return false;
    }
    cutOff = true;
    if (Thread.currentThread() != thread) {
      // Wakes the method if it waits for something; also a turn that waits for its reply.
      thread.interrupt();
    }
    interrupted = true;
    return true;
  }

  @Override
  public boolean isCutOff() {
    return cutOff;
  }

  /** Why the reply was failed, or null. To be asked when the reply is closed. */
  @Nullable BreakCause failure() {
    return failure;
  }

  /** The reply as an outcome. To be asked when the reply is closed without a failure. */
  Outcome outcome() {
    if (outcome == null) {
      outcome = new Outcome(sequence, message, json);
    }
    return outcome;
  }
}
