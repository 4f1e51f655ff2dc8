package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.stub.DurableObjectIds;
import org.jspecify.annotations.Nullable;

/**
 * A class of objects, as it was registered. Immutable.
 *
 * @param ids makes the ids, from the unique key
 */
public record Namespace(
    String name,
    String uniqueKey,
    DurableObjectIds ids,
    MethodTable methods,
    DurableObjectFactory factory) {
  /** What loaded the objects' code; null if that was the JVM's own loader. */
  @Nullable ClassLoader classLoader() {
    return factory.getClass().getClassLoader();
  }
}
