package dev.seriatim.service.object;

import io.grpc.Context;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodHandles.Lookup;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a virtual thread is that serves one object after the other: none is to find there what
 * another one's code has left. Used on that thread.
 *
 * <p>The JDK has no call that makes a thread forget its thread-locals, so that this needs {@link
 * MountedThread.Starter#OPTION}.
 */
final class SharedThread {
  private static final Logger logger = LoggerFactory.getLogger(SharedThread.class);

  /** The one thread-local that is ours, and stays: gRPC's context, which no object has now. */
  private static final int OURS = 1;

  // Null, all of them, if this JVM doesn't let us.
  private static final @Nullable VarHandle LOCALS;
  private static final @Nullable VarHandle INHERITABLE;

  /** How many thread-locals there are. */
  private static final @Nullable VarHandle SIZE;

  static {
    VarHandle locals = null;
    VarHandle inheritable = null;
    VarHandle size = null;
    try {
      Class<?> map = Class.forName("java.lang.ThreadLocal$ThreadLocalMap");
      Lookup threads = MethodHandles.privateLookupIn(Thread.class, MethodHandles.lookup());
      Lookup maps = MethodHandles.privateLookupIn(map, MethodHandles.lookup());
      size = maps.findVarHandle(map, "size", int.class);
      locals = threads.findVarHandle(Thread.class, "threadLocals", map);
      inheritable = threads.findVarHandle(Thread.class, "inheritableThreadLocals", map);
    } catch (ReflectiveOperationException | RuntimeException e) {
      logger.debug("There is no way to share a turn's thread.", e);
      locals = null;
    }
    LOCALS = locals;
    INHERITABLE = inheritable;
    SIZE = size;
  }

  private SharedThread() {}

  /** Before the first object is served on the calling thread, which is new. */
  static void begin() {
    Context _ = Context.current(); // It has its thread-local from now on.
  }

  /**
   * Makes the calling thread forget what an object has left, so that it is like a new one.
   *
   * @return false if this JVM doesn't let us
   */
  static boolean forget() {
    VarHandle locals = LOCALS;
    VarHandle inheritable = INHERITABLE;
    VarHandle size = SIZE;
    if (locals == null || inheritable == null || size == null) {
      return false;
    }
    Thread thread = Thread.currentThread();
    Object map = locals.get(thread);
    // To make the map and its entry anew for each object would cost as much as a short turn.
    if (map != null && (int) size.get(map) > OURS) {
      locals.set(thread, null);
      begin();
    }
    if (inheritable.get(thread) != null) {
      inheritable.set(thread, null);
    }
    if (!thread.getName().isEmpty()) {
      thread.setName("");
    }
    return true;
  }
}
