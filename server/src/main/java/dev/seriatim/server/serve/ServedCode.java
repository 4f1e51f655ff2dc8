package dev.seriatim.server.serve;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.InternalDurableObjectHost;
import java.util.List;

/** The objects that a host serves, whose code can be replaced while it does. For one thread. */
public final class ServedCode {
  private final DurableObjectHost host;

  ServedCode(DurableObjectHost host) {
    this.host = host;
  }

  /**
   * Serves the objects of these places from now on: stubs stay open, a turn that runs ends as it
   * began, and the next one runs the new code.
   *
   * @param places as {@code --objects} takes them
   * @return what is served, and from where: a line for each provider
   * @throws IllegalArgumentException if they can't be served; then what was served before goes on
   */
  public List<String> replaceBy(List<String> places) {
    DurableObjectHost.Builder next = DurableObjectHost.builder();
    List<String> served = ObjectPlaces.addTo(next, places);
    InternalDurableObjectHost.replaceCode(host, next);
    return served;
  }
}
