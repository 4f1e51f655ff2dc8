package dev.seriatim.service.object;

import com.google.protobuf.Value;
import dev.seriatim.service.dispatch.Reply;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The execution of one invocation, and its reply, which any thread may close. */
final class InvocationTurn extends Turn implements Reply {
  private final Session stub;
  private final Invocation invocation;

  /** Null if the call may be executed again when it comes again. */
  private final @Nullable IdempotencyKey key;

  /** Who follows it; null if nobody does. */
  private final @Nullable TurnTrace trace;

  /** Tells of it; null if nobody follows what happens. */
  private final @Nullable TurnTail tail;

  // Written by whoever closes the reply, before `closed`.
  private @Nullable Content message;
  private @Nullable Value json;
  private @Nullable BreakCause failure;
  private volatile boolean closed;

  // The turn thread's own.
  private @Nullable Outcome outcome;

  InvocationTurn(
      long number,
      Instance instance,
      Session stub,
      Invocation invocation,
      @Nullable IdempotencyKey key,
      @Nullable TurnTrace trace,
      @Nullable TurnTail tail) {
    super(number, instance);
    this.tail = tail;
    this.trace = trace;
    this.key = key;
    this.stub = stub;
    this.invocation = invocation;
  }

  @Nullable IdempotencyKey key() {
    return key;
  }

  @Override
  @Nullable TurnTrace trace() {
    return trace;
  }

  @Nullable TurnTail tail() {
    return tail;
  }

  /** The stub whose invocation it is. */
  Session stub() {
    return stub;
  }

  @Override
  long sequence() {
    return invocation.sequence();
  }

  @Override
  String method() {
    return invocation.method();
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
        ThrownCause.of(
            BreakReason.OBJECT_EXCEPTION, status, trailers, "the object failed without a message");
    close();
  }

  private void close() {
    closed = true;
    if (Thread.currentThread() != thread()) {
      LockSupport.unpark(thread());
    }
  }

  /** Waits, on the turn's own thread, until the reply is closed or the turn is cut off. */
  void awaitReply() {
    while (!closed && !isCutOff()) {
      LockSupport.park(this);
      // An interrupt that is no cut means nothing to a turn whose handler has returned.
      boolean _ = Thread.interrupted();
    }
  }

  /** Why the reply was failed, or null. To be asked when the reply is closed. */
  @Nullable BreakCause failure() {
    return failure;
  }

  /** The reply as an outcome. To be asked when the reply is closed without a failure. */
  Outcome outcome() {
    if (outcome == null) {
      outcome = new Outcome(sequence(), message, json);
    }
    return outcome;
  }

  @Override
  public String toString() {
    return "invocation " + sequence();
  }
}
