package dev.seriatim.service.dispatch;

import java.io.PrintWriter;
import java.io.Writer;

/** What was thrown, to be shown. It may be of the object's own making, and throw for its part. */
public final class Legible {
  private Legible() {}

  /** What was thrown, in words. */
  public static String of(Throwable thrown) {
    try {
      return String.valueOf(thrown);
    } catch (RuntimeException | Error e) {
      return thrown.getClass().getName();
    }
  }

  /** What was thrown, if it can be logged, or else something in its place. */
  public static Throwable orStandIn(Throwable thrown) {
    try {
      thrown.printStackTrace(new PrintWriter(Writer.nullWriter()));
      return thrown;
    } catch (RuntimeException | Error e) {
      return new IllegalStateException(thrown.getClass().getName() + ", which can't be shown");
    }
  }
}
