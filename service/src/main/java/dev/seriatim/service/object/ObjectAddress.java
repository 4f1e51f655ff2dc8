package dev.seriatim.service.object;

import dev.seriatim.stub.DurableObjectId;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Which object a stub is opened on.
 *
 * @param id knows its name, if the stub is opened by name
 */
public record ObjectAddress(Namespace namespace, DurableObjectId id) {
  /** Adds the keys to a record in the log that say which object it is about. */
  public LoggingEventBuilder on(LoggingEventBuilder event) {
    LoggingEventBuilder with = event.addKeyValue("namespace", namespace.name());
    String name = id.name().orElse(null);
    return (name == null ? with : with.addKeyValue("object", name)).addKeyValue("id", id);
  }
}
