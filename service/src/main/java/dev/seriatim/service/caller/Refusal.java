package dev.seriatim.service.caller;

/**
 * Why a caller is refused.
 *
 * @param message is told to the client
 */
public record Refusal(Why why, String message) {
  /** The reasons of the contract that are about callers, by the names that they have there. */
  public enum Why {
    UNAUTHENTICATED,
    PERMISSION_DENIED,
    CREDENTIALS_EXPIRED
  }

  static Refusal unknown(String message) {
    return new Refusal(Why.UNAUTHENTICATED, message);
  }

  static Refusal denied(String message) {
    return new Refusal(Why.PERMISSION_DENIED, message);
  }

  static Refusal expired(String message) {
    return new Refusal(Why.CREDENTIALS_EXPIRED, message);
  }
}
