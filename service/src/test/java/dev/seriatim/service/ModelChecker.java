package dev.seriatim.service;

import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;

/** How the model checker is used here. */
public final class ModelChecker {
  /**
   * The first run of a scenario loads and changes all classes that are in it. On a machine that has
   * much else to do that has taken longer than the checker waits before it says that the code
   * hangs.
   */
  private static final long PATIENCE_MILLIS = 300_000;

  private ModelChecker() {}

  /** Options under which a machine that is slow is not taken for code that hangs. */
  public static ModelCheckingOptions options() {
    // The name is what Kotlin makes of one that it hides; there is no other way to say this.
    return new ModelCheckingOptions().invocationTimeout$lincheck(PATIENCE_MILLIS);
  }
}
