package dev.seriatim.service.object;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A virtual thread that begins on the very thread which starts it, rather than on one of the JVM's
 * carriers. What it does at once takes no change of threads, and to change twice costs a short turn
 * more than all the rest. When it first has to wait for anything, or {@link #leave leaves}, the
 * thread that started it goes on with its own affairs, and the virtual thread with its own on the
 * JVM's carriers. So the object's code may block, as on any virtual thread.
 *
 * <p>The JVM can do this, but its library has no call to ask for it: {@link Starter#find}.
 */
final class MountedThread {
  /** Where virtual threads run otherwise. */
  private final Executor carriers;

  // Written on the thread that starts, before the virtual thread runs.
  private boolean starting = true;
  private @Nullable Runnable first;

  private volatile boolean left;

  private MountedThread(Executor carriers) {
    this.carriers = carriers;
  }

  /**
   * Whether it isn't on the thread any more that started it. Asked on the virtual thread itself.
   */
  boolean hasLeft() {
    return left;
  }

  /** Goes on on the JVM's carriers, if it doesn't yet. Called on the virtual thread itself. */
  @SuppressWarnings("ThreadPriorityCheck") // It yields to its own scheduler, which is below.
  void leave() {
    if (!left) {
      Thread.yield();
    }
  }

  /**
   * The thread's scheduler: called by the JVM whenever the thread can run, first by its start. And
   * for virtual threads that the object's code starts, since they inherit it.
   */
  private void schedule(Runnable continuation) {
    if (starting) {
      first = continuation;
    } else {
      if (continuation.equals(first)) {
        left = true;
      } // Otherwise it is another thread's, and says nothing about where this one is.
      carriers.execute(continuation);
    }
  }

  /** Starts such threads. Safe for any number of threads. */
  static final class Starter implements Executor {
    private static final Logger logger = LoggerFactory.getLogger(MountedThread.class);

    /** What the JVM has to be started with. */
    static final String OPTION = "--add-opens=java.base/java.lang=ALL-UNNAMED";

    /** Makes a virtual thread of a scheduler, a name, characteristics and a task. */
    private final MethodHandle maker;

    private final Executor carriers;

    /** The characteristics of a thread that inherits no thread-locals. */
    private final int inheritsNothing;

    /** For when a thread can't be started here. */
    private final Executor elsewhere = new HostThreads();

    private Starter(MethodHandle maker, Executor carriers, int inheritsNothing) {
      this.maker = maker;
      this.carriers = carriers;
      this.inheritsNothing = inheritsNothing;
    }

    /** Null if this JVM doesn't let us: then every turn is given a thread elsewhere. */
    static @Nullable Starter find() {
      try {
        Class<?> builders = Class.forName("java.lang.ThreadBuilders");
        Class<?> threads = Class.forName("java.lang.VirtualThread");
        MethodHandle maker =
            MethodHandles.privateLookupIn(builders, MethodHandles.lookup())
                .findStatic(
                    builders,
                    "newVirtualThread",
                    MethodType.methodType(
                        Thread.class, Executor.class, String.class, int.class, Runnable.class));
        MethodHandle carriers =
            MethodHandles.privateLookupIn(threads, MethodHandles.lookup())
                .findStatic(threads, "defaultScheduler", MethodType.methodType(Executor.class));
        int inheritsNothing =
            (int)
                MethodHandles.privateLookupIn(Thread.class, MethodHandles.lookup())
                    .findStaticVarHandle(Thread.class, "NO_INHERIT_THREAD_LOCALS", int.class)
                    .get();
        return new Starter(maker, (Executor) carriers.invoke(), inheritsNothing);
      } catch (Throwable e) {
        logger.debug("There is no way to start a turn's thread here.", e);
        logger.info("Short turns would be answered sooner with the JVM's option {}.", OPTION);
        return null;
      }
    }

    /**
     * Runs this on a new virtual thread, mounted on the calling platform thread. Returns when that
     * ends, waits or leaves.
     */
    void startHere(Consumer<MountedThread> task) {
      MountedThread thread = new MountedThread(carriers);
      Executor scheduler = thread::schedule;
      Runnable run = () -> task.accept(thread);
      Runnable first = null;
      try {
        ((Thread) maker.invoke(scheduler, null, inheritsNothing, run)).start();
        first = thread.first;
      } catch (Throwable e) { // A JVM that does it another way, or has no memory for it.
        logger.warn("A turn's thread could not be started here.", e);
        thread.left = true;
        elsewhere.execute(run);
      }
      thread.starting = false;
      if (first != null) {
        // The JVM clears the interrupt of a thread that it mounts another one on.
        boolean interrupted = Thread.interrupted();
        TransportThread here = TransportThread.current();
        here.countUp();
        try {
          first.run();
        } finally {
          here.countUp();
        }
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    /** Runs this likewise; or, since nothing is mounted there, elsewhere if called by such one. */
    @Override
    public void execute(Runnable task) {
      if (Thread.currentThread().isVirtual()) {
        elsewhere.execute(task);
      } else {
        startHere(_ -> task.run());
      }
    }
  }
}
