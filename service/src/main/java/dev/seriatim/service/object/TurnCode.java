package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectState;
import org.jspecify.annotations.Nullable;

/**
 * What an operator or a test has an object do, as a turn of it: see {@link ObjectControl#runTurn}.
 */
@FunctionalInterface
public interface TurnCode<T extends @Nullable Object> {
  /**
   * Runs once, as part of the turn. If it throws, the turn has no effect.
   *
   * @param state the object's; its own code isn't run, and need not have been
   */
  T run(DurableObjectState state) throws Exception;
}
