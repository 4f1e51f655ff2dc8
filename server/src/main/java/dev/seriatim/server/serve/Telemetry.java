package dev.seriatim.server.serve;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.TelemetryProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the class path has to tell others with what the host does. */
final class Telemetry implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(Telemetry.class);

  private final List<AutoCloseable> open;

  private Telemetry(List<AutoCloseable> open) {
    this.open = open;
  }

  /** Adds all that there is to the host that is being built. */
  static Telemetry addTo(DurableObjectHost.Builder host) {
    List<AutoCloseable> open = new ArrayList<>();
    for (TelemetryProvider provider : ServiceLoader.load(TelemetryProvider.class)) {
      open.add(provider.addTo(host));
    }
    return new Telemetry(List.copyOf(open));
  }

  /** Nothing more is told. */
  @Override
  @SuppressWarnings("InterruptedExceptionSwallowed") // The program ends.
  public void close() {
    for (AutoCloseable one : open) {
      try {
        one.close();
      } catch (Exception e) {
        logger.warn("telemetry could not be closed", e);
      }
    }
  }
}
