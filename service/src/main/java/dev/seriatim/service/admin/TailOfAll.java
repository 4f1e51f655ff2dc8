package dev.seriatim.service.admin;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.service.placement.Neighbours.Neighbour;
import dev.seriatim.service.session.BreakException;
import io.grpc.Context;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A call of {@code Tail} in a cluster: what happens here, and what each other host says of itself,
 * as it comes. A host that has shut down ends its part; one that can't be reached ends the call.
 * One thread runs it, and one more for each other host.
 */
final class TailOfAll {
  private final TailRequest request;
  private final TailCall here;
  private final OtherHosts others;
  private final Executor threads;

  /** Those whose part has begun. The running thread's own, as the next. */
  private final Set<Neighbour> followed = new HashSet<>();

  private final List<Part> parts = new ArrayList<>();

  /** When hosts were looked for; 0 if they weren't yet. */
  private long lookedNanos;

  /** The first of them that couldn't be reached. */
  private final AtomicReference<@Nullable StatusException> failure = new AtomicReference<>();

  TailOfAll(TailRequest request, TailCall here, OtherHosts others, Executor threads) {
    this.request = request;
    this.here = here;
    this.others = others;
    this.threads = threads;
  }

  /** What follows one host. */
  private record Part(FutureTask<Void> task, CountDownLatch ended) {}

  /** Sends until there is nothing more. In the context of the call. */
  void run(Responses<TailResponse> to) throws Exception {
    Context.CancellableContext context = Context.current().withCancellation();
    try {
      here.run(to, () -> followNew(context, to));
    } finally {
      context.cancel(null);
      for (Part part : parts) {
        part.task().cancel(/* mayInterruptIfRunning= */ true);
        Uninterruptibles.awaitUninterruptibly(part.ended());
      }
    }
    StatusException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
  }

  /** Hosts come while someone follows. They are looked for from time to time. */
  private void followNew(Context context, Responses<TailResponse> to) {
    long now = System.nanoTime();
    if (lookedNanos != 0 && now - lookedNanos < StreamRights.LOOK.toNanos()) {
      return;
    }
    lookedNanos = now;
    for (Neighbour each : others.others()) {
      if (followed.add(each)) {
        CountDownLatch ended = new CountDownLatch(1);
        FutureTask<Void> task = new FutureTask<>(context.wrap(() -> follow(each, to)), null);
        parts.add(new Part(task, ended));
        threads.execute(
            () -> {
              try {
                task.run();
              } finally {
                ended.countDown();
              }
            });
      }
    }
  }

  private void follow(Neighbour host, Responses<TailResponse> to) {
    try {
      Iterator<TailResponse> events = others.stream(host, AdminGrpc.getTailMethod(), request);
      while (events.hasNext()) {
        to.send(events.next());
      }
    } catch (StatusRuntimeException e) {
      if (!Context.current().isCancelled()) {
        failure.compareAndSet(null, OtherHosts.of(host, e));
        here.end();
      }
    } catch (BreakException e) { // The caller may see it no longer.
      failure.compareAndSet(null, Failures.status(e));
      here.end();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The call ends.
    }
  }
}
