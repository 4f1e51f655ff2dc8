package dev.seriatim.server.project;

import org.jspecify.annotations.Nullable;

/**
 * Says when sources are to be compiled: when they aren't what was compiled last, and nothing more
 * was saved since the look before. So what an editor saves in several steps is compiled once. For
 * one thread.
 *
 * @param <S> what the sources are at a time, equal to another as long as nothing was saved
 */
final class Saves<S> {
  private S compiled;
  private @Nullable S last;

  /** The sources that were compiled so. */
  Saves(S compiled) {
    this.compiled = compiled;
  }

  /**
   * The sources are so now.
   *
   * @return whether to compile them; they count as compiled then
   */
  boolean look(S now) {
    boolean rest = now.equals(last);
    last = now;
    if (!rest || now.equals(compiled)) {
      return false;
    }
    compiled = now;
    return true;
  }
}
