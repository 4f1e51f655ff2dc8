package dev.seriatim.service;

import org.jspecify.annotations.Nullable;

/**
 * The store could not do what an object asked of its {@link DurableObjectStorage}: it can't be
 * reached, it failed, it is full, or what it holds isn't what was expected.
 *
 * <p>A turn that lets it through fails like any other, and nothing of the turn is stored. The host
 * connects to the store again by itself; the same call may succeed later, if {@link #isRetryable}.
 */
public class StorageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final boolean retryable;

  /** With a message that says what could not be done and why. */
  public StorageException(String message) {
    this(message, null);
  }

  /** With a message that says what could not be done and why, and the store's own failure. */
  public StorageException(String message, @Nullable Throwable cause) {
    this(message, cause, /* retryable= */ true);
  }

  /** The same, and whether the same call may succeed later. */
  public StorageException(String message, @Nullable Throwable cause, boolean retryable) {
    super(message, cause);
    this.retryable = retryable;
  }

  /**
   * Whether the same call may succeed later. Not if what is stored is damaged: that has to be
   * mended by someone first.
   */
  public boolean isRetryable() {
    return retryable && !(getCause() instanceof StorageException cause && !cause.isRetryable());
  }
}
