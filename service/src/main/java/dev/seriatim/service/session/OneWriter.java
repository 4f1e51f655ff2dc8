package dev.seriatim.service.session;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Has one thread at a time send, with no lock held meanwhile: whoever {@link #flush flushes} is the
 * writer for as long as it does, and whoever comes in between leaves it to that thread to look
 * again.
 */
public abstract class OneWriter {
  private static final VarHandle FLUSHES;

  static {
    try {
      FLUSHES = MethodHandles.lookup().findVarHandle(OneWriter.class, "flushes", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** How often it has been asked to flush since the writer last looked. Through the handle. */
  private volatile int flushes;

  /** Sends whatever may leave. The calling thread is the writer, unless another one is already. */
  public void flush() {
    if ((int) FLUSHES.getAndAdd(this, 1) != 0) {
      return;
    }
    int seen = 1;
    do {
      try {
        while (sendNext()) {}
      } catch (RuntimeException | Error e) {
        failed(e);
      }
      seen = (int) FLUSHES.getAndAdd(this, -seen) - seen;
    } while (seen != 0);
    flushed();
  }

  /** Sends one thing, as the writer. Whether there may be more. */
  protected abstract boolean sendNext();

  /** It has thrown this. Must not throw for its part: the writer would never be free again. */
  protected abstract void failed(Throwable thrown);

  /** There is nothing to send any more, and the writer is free for others. */
  protected void flushed() {}
}
