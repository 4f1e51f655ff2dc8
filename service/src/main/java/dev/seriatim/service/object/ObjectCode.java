package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.dispatch.MethodTable;
import org.jspecify.annotations.Nullable;

/**
 * What the objects of a namespace run: the methods that they have, and what makes them. An instance
 * has the code that it was made with for as long as it lives. Immutable.
 */
final class ObjectCode {
  private final MethodTable methods;
  private final DurableObjectFactory factory;

  ObjectCode(MethodTable methods, DurableObjectFactory factory) {
    this.methods = methods;
    this.factory = factory;
  }

  MethodTable methods() {
    return methods;
  }

  DurableObjectFactory factory() {
    return factory;
  }

  /** What loaded it; null if that was the JVM's own loader. */
  @Nullable ClassLoader classLoader() {
    return factory.getClass().getClassLoader();
  }
}
