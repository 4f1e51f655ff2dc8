package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.ServedNamespace;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.ServerInterceptor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A class of objects, as it was registered. Immutable.
 *
 * @param ids makes the ids, from the unique key
 * @param interceptors stand around the turns of its objects' methods, the first one outermost
 */
public record Namespace(
    String name,
    String uniqueKey,
    DurableObjectIds ids,
    MethodTable methods,
    DurableObjectFactory factory,
    ImmutableList<ServerInterceptor> interceptors) {
  /** A namespace with nothing around its turns. */
  public Namespace(
      String name,
      String uniqueKey,
      DurableObjectIds ids,
      MethodTable methods,
      DurableObjectFactory factory) {
    this(name, uniqueKey, ids, methods, factory, ImmutableList.of());
  }

  /** The same, with these around its turns. */
  public Namespace with(List<ServerInterceptor> around) {
    return new Namespace(name, uniqueKey, ids, methods, factory, ImmutableList.copyOf(around));
  }

  /** The same for whoever needs to know what a host has. */
  public ServedNamespace served() {
    return new ServedNamespace(name, uniqueKey, methods.service());
  }

  /** What loaded the objects' code; null if that was the JVM's own loader. */
  @Nullable ClassLoader classLoader() {
    return factory.getClass().getClassLoader();
  }
}
