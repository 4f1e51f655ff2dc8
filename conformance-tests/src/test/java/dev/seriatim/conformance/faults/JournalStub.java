package dev.seriatim.conformance.faults;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.conformance.faults.History.Result;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.MethodDescriptor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** A stub on a journal, whose calls are recorded. One thread calls it; answers come on others. */
final class JournalStub {
  private final DurableObjectStub stub;
  private final History.Stub record;
  private final AtomicLong known;
  private final AtomicInteger open = new AtomicInteger();
  private volatile long answeredAt;

  /**
   * A stub without a call.
   *
   * @param known how many lines the journal is known to have, of whatever stub
   */
  JournalStub(DurableObjectStub stub, History.Stub record, AtomicLong known) {
    this.stub = stub;
    this.record = record;
    this.known = known;
  }

  /** How many calls are under way. */
  int open() {
    return open.get();
  }

  /** When the last answer came, by {@link System#nanoTime}; 0 if there was none. */
  long answeredAt() {
    return answeredAt;
  }

  boolean isBroken() {
    return stub.isBroken();
  }

  /** All calls have been made. */
  void close() {
    stub.close();
  }

  void append() {
    History.Open call = record.begin(/* append= */ true);
    make(
        call,
        JournalGrpc.getAppendMethod(),
        AppendRequest.newBuilder().setLine(call.line()).build(),
        answer -> {
          known.accumulateAndGet(answer.getIndex(), Math::max);
          return new Result.Appended(answer.getIndex());
        });
  }

  /** Reads the last line that is known of, which must be there, and some of what is behind it. */
  void read() {
    long from = Math.max(1, known.get());
    make(
        record.begin(/* append= */ false),
        JournalGrpc.getReadMethod(),
        ReadRequest.newBuilder().setFrom(from).setLimit(HistoryChecker.PAGE_LINES).build(),
        answer -> new Result.Lines(from, answer.getLinesList()));
  }

  private <Q, R> void make(
      History.Open call, MethodDescriptor<Q, R> method, Q request, Function<R, Result> result) {
    open.incrementAndGet();
    Futures.addCallback(
        stub.call(method, request),
        new FutureCallback<R>() {
          @Override
          public void onSuccess(R answer) {
            Result told = result.apply(answer);
            answeredAt = System.nanoTime() | 1; // Before anybody hears that the call has ended.
            call.ended(told);
            open.decrementAndGet();
          }

          @Override
          public void onFailure(Throwable thrown) {
            CallFailure failure =
                CallFailure.of(thrown).orElseThrow(() -> new AssertionError(call + "", thrown));
            call.ended(
                new Result.Failed(
                    failure.fate(), failure.reason(), failure.failureCause().message()));
            open.decrementAndGet();
          }
        },
        MoreExecutors.directExecutor());
  }
}
