package dev.seriatim.conformance;

/** Tells how a host differs from what a case expects. */
final class CaseFailure extends Exception {
  private static final long serialVersionUID = 1;

  CaseFailure(String message) {
    super(message);
  }
}
