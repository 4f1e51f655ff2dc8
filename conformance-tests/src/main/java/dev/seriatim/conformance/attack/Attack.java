package dev.seriatim.conformance.attack;

/**
 * What no client should do to a host.
 *
 * @param name in one word
 * @param what what it does, in one line
 * @param play does it until the stage says that it is over, or there is nothing more to do
 */
record Attack(String name, String what, Play play) {
  /** The attack itself. */
  @FunctionalInterface
  interface Play {
    void on(Stage stage) throws Exception;
  }
}
