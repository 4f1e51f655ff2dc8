package dev.seriatim.service.object;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.InvocationTracer;
import dev.seriatim.service.dispatch.ArgumentReads;
import dev.seriatim.service.session.OutcomeBudget;
import dev.seriatim.service.session.Pulse;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.SessionHost;
import dev.seriatim.service.session.SessionMemory;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.stub.DurableObjects;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the objects of a host use of it. There is one for each host, made by its {@link
 * ObjectDirectory}, which closes what is here. Each part is safe for any number of threads.
 *
 * @param sessions what the objects' sessions use: limits, clock, timer
 * @param storage where what turns write goes
 * @param threads starts a thread for each task: one that may run the object's code, and be blocked
 * @param threadStarter starts turn threads on the transport's; null if this JVM doesn't let us
 * @param arguments reads the arguments of turns
 * @param queued counts the invocations that wait in the host
 * @param outcomes counts the outcomes that wait in the host
 * @param callChains the calls from object to object that are under way
 * @param stuckTurns the turns that don't let go
 * @param turnWatch cuts off turns that take too long
 * @param evictor lets go of instances that aren't used
 * @param drain whom a shutdown waits for
 * @param tracer who follows invocations, or null if nobody does
 * @param localObjects the client that the host's objects call each other with, once it has started
 */
record ObjectHost(
    SessionHost sessions,
    StorageEngine storage,
    Executor threads,
    MountedThread.@Nullable Starter threadStarter,
    ArgumentReads arguments,
    QueueBudget queued,
    OutcomeBudget outcomes,
    CallChains callChains,
    StuckTurns stuckTurns,
    TurnWatch turnWatch,
    Evictor evictor,
    Drain drain,
    @Nullable InvocationTracer tracer,
    Supplier<DurableObjects> localObjects) {

  /**
   * The parts of a host with these limits.
   *
   * @param heldTransport told of the transport's threads that a turn keeps to itself
   */
  static ObjectHost of(
      HostLimits limits,
      StorageEngine storage,
      Executor threads,
      MountedThread.@Nullable Starter threadStarter,
      LongSupplier nanos,
      HeldTransport heldTransport,
      Evictor evictor,
      Drain drain,
      @Nullable InvocationTracer tracer,
      Supplier<DurableObjects> localObjects) {
    StuckTurns stuckTurns = new StuckTurns(limits.maxStrayTurns(), limits.maxSpinningTurns());
    return new ObjectHost(
        new SessionHost(
            limits,
            nanos,
            new DeadlineTimer(threads),
            new SessionMemory(
                storage.isVolatile()
                    ? Long.MAX_VALUE // Nobody else has it.
                    : limits.sessions().maxUnacknowledgedBytesOfHost()),
            new Pulse()),
        storage,
        threads,
        threadStarter,
        // Half of the processors may be busy with large ones, as with large frames.
        new ArgumentReads(Math.max(1, Runtime.getRuntime().availableProcessors() / 2)),
        new QueueBudget("the host", limits.hostQueue()),
        new OutcomeBudget("the host", limits.hostOutcomeBytes(), null),
        new CallChains(),
        stuckTurns,
        new TurnWatch(limits.turnLimit(), nanos, stuckTurns, heldTransport),
        evictor,
        drain,
        tracer,
        localObjects);
  }

  HostLimits limits() {
    return sessions.limits();
  }

  /** Runs each of its tasks on a thread that may be held up. */
  ScheduledExecutorService timer() {
    return sessions.timer();
  }

  /** The host's clock, in nanoseconds. */
  long nanos() {
    return sessions.nanos();
  }
}
