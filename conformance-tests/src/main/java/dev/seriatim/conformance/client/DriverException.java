package dev.seriatim.conformance.client;

/** A driver gave no report. */
final class DriverException extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean hang;

  private DriverException(String message, boolean hang) {
    super(message);
    this.hang = hang;
  }

  static DriverException hang(String message) {
    return new DriverException(message, true);
  }

  static DriverException crash(String message) {
    return new DriverException(message, false);
  }

  /** Whether the driver never answered, rather than wrongly or with its end. */
  boolean isHang() {
    return hang;
  }
}
