package dev.seriatim.service;

/** Credentials that don't count. The message is told to the client: it says why, and no secret. */
public final class AuthenticationException extends Exception {
  private static final long serialVersionUID = 1;

  private final boolean retryable;

  private AuthenticationException(String message, boolean retryable) {
    super(message);
    this.retryable = retryable;
  }

  /** They are wrong, and stay so: told as {@code UNAUTHENTICATED}. */
  public static AuthenticationException refused(String why) {
    return new AuthenticationException(why, /* retryable= */ false);
  }

  /**
   * They ran out, or can't be verified for now: told as {@code CREDENTIALS_EXPIRED}, and the client
   * may try again with new ones.
   */
  public static AuthenticationException expired(String why) {
    return new AuthenticationException(why, /* retryable= */ true);
  }

  /** Whether the client may try again. */
  public boolean isRetryable() {
    return retryable;
  }
}
