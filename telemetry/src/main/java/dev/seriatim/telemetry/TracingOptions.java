package dev.seriatim.telemetry;

/**
 * What goes along with traces, and what they tell.
 *
 * @param carriesBaggage whether OpenTelemetry's baggage goes along with what is sampled, as the W3C
 *     has it: from the caller into the turn, and on to what the object calls. Whoever is called
 *     sees all of it, so nothing secret may be in it. Default: no
 * @param tellsObjects whether a host's spans say which object it was: who reads traces may not be
 *     one to know all names. Default: yes
 */
public record TracingOptions(boolean carriesBaggage, boolean tellsObjects) {
  private static final TracingOptions DEFAULTS = new TracingOptions(false, true);

  /** What holds unless it is said otherwise. */
  public static TracingOptions defaults() {
    return DEFAULTS;
  }

  /** The same, with or without baggage. */
  public TracingOptions withBaggage(boolean carried) {
    return new TracingOptions(carried, tellsObjects);
  }

  /** The same, with or without the names and ids of objects. */
  public TracingOptions withObjects(boolean told) {
    return new TracingOptions(carriesBaggage, told);
  }
}
