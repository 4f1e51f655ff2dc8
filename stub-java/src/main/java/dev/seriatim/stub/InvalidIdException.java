package dev.seriatim.stub;

/**
 * An id or a name that can't be one of the namespace that it was given to. Nothing was sent.
 *
 * <p>A host that finds the same says so with the same reason: {@link Reasons#INVALID_ID}.
 */
public final class InvalidIdException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  InvalidIdException(String message) {
    super(message);
  }

  InvalidIdException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Always {@link Reasons#INVALID_ID}. */
  public String reason() {
    return Reasons.INVALID_ID;
  }
}
