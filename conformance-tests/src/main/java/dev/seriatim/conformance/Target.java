package dev.seriatim.conformance;

import io.grpc.ManagedChannel;
import java.util.Map;
import java.util.Set;

/** A host under test. */
interface Target {
  /** A new connection to the host. Whoever asks for it shuts it down. */
  ManagedChannel connect();

  /** The tokens of its callers, by what the cases call these; none if it doesn't ask who calls. */
  default Map<String, String> tokens() {
    return Map.of();
  }

  /** Whether the stubs of each connection are lanes of one call. */
  default boolean onLanes() {
    return false;
  }

  /** What the host offers beyond the contract: see {@code Case.requires}. */
  Set<String> features();

  /**
   * Tells the host to shut down, and doesn't wait for it. Only called if it offers {@code drain}.
   */
  void drain();

  /** Opens a gate of the probe from outside. Only called if the host offers {@code drain}. */
  void openGate(String gate);

  /**
   * Ends the host, and starts it again with the same store; returns when it has started. Only
   * called if it offers {@code restart}.
   */
  default void restart() {
    throw new UnsupportedOperationException("the host can't be told to restart");
  }
}
