package dev.seriatim.service.dispatch;

import dev.seriatim.wire.Invocation;
import java.util.concurrent.Semaphore;

/**
 * Reads the arguments of turns, those that are very large few at a time. A thread that reads one
 * computes for up to a second, and can't be made to let others compute: with as many of them as
 * there are processors the turns of all objects would wait. Safe for any number of threads.
 */
public final class ArgumentReads {
  /** What takes some milliseconds. */
  private static final int LARGE_JSON_BYTES = 64 << 10;

  private static final int LARGE_MESSAGE_BYTES = 512 << 10;

  /** Fair: who has come first reads first. */
  private final Semaphore large;

  /** So many that are very large are read at a time. */
  public ArgumentReads(int most) {
    large = new Semaphore(most, /* fair= */ true);
  }

  /** As {@link ObjectMethod#heapBytes}. May wait, not on the transport's thread. */
  public long heapBytes(ObjectMethod method, Invocation invocation, long most) {
    if (!isLarge(invocation)) {
      return method.heapBytes(invocation, most);
    }
    large.acquireUninterruptibly();
    try {
      return method.heapBytes(invocation, most);
    } finally {
      large.release();
    }
  }

  /**
   * As {@link ObjectMethod#parse}. May wait, not on the transport's thread.
   *
   * @throws MalformedArgumentException if it isn't the request type
   */
  public Object parse(ObjectMethod method, Invocation invocation)
      throws MalformedArgumentException {
    if (!isLarge(invocation)) {
      return method.parse(invocation);
    }
    large.acquireUninterruptibly();
    try {
      return method.parse(invocation);
    } finally {
      large.release();
    }
  }

  private static boolean isLarge(Invocation invocation) {
    return invocation.argument().size()
        > (invocation.isJson() ? LARGE_JSON_BYTES : LARGE_MESSAGE_BYTES);
  }
}
