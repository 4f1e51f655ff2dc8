package dev.seriatim.stub;

import java.util.List;

/**
 * Internal: what the test kit knows of a client's stubs. Whatever is here may change with any
 * version.
 */
public final class InternalDurableObjects {
  private InternalDurableObjects() {}

  /**
   * The stubs that were got through this {@link DurableObjects#scope scope}, have been used, and
   * were neither closed nor broken: their objects, for people.
   */
  public static List<String> leftOpen(DurableObjects scope) {
    return scope.leftOpen();
  }
}
