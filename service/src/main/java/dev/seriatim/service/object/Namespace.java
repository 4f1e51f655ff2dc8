package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.ServedNamespace;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.ServerInterceptor;
import java.util.List;

/**
 * A class of objects, as it was registered. Only the code of its objects may be replaced. Safe for
 * any number of threads.
 */
public final class Namespace {
  private final String name;
  private final String uniqueKey;
  private final DurableObjectIds ids;
  private final ImmutableList<ServerInterceptor> interceptors;

  /** Written by whoever replaces it; each turn goes by what it finds at its beginning. */
  private volatile ObjectCode code;

  private Namespace(
      String name,
      String uniqueKey,
      DurableObjectIds ids,
      ObjectCode code,
      ImmutableList<ServerInterceptor> interceptors) {
    this.name = name;
    this.uniqueKey = uniqueKey;
    this.ids = ids;
    this.code = code;
    this.interceptors = interceptors;
  }

  /**
   * A namespace with nothing around its turns.
   *
   * @param ids makes the ids, from the unique key
   */
  public Namespace(
      String name,
      String uniqueKey,
      DurableObjectIds ids,
      MethodTable methods,
      DurableObjectFactory factory) {
    this(name, uniqueKey, ids, new ObjectCode(methods, factory), ImmutableList.of());
  }

  /** The same, with these around the turns of its objects' methods, the first one outermost. */
  public Namespace with(List<ServerInterceptor> around) {
    return new Namespace(name, uniqueKey, ids, code, ImmutableList.copyOf(around));
  }

  /** What clients call it. */
  public String name() {
    return name;
  }

  /** What the ids of its objects are made from. */
  public String uniqueKey() {
    return uniqueKey;
  }

  /** Makes the ids. */
  public DurableObjectIds ids() {
    return ids;
  }

  /** What can be invoked, as of now. */
  public MethodTable methods() {
    return code.methods();
  }

  /** What stands around the turns of its objects' methods, the first one outermost. */
  ImmutableList<ServerInterceptor> interceptors() {
    return interceptors;
  }

  /** What a turn that begins now runs. */
  ObjectCode code() {
    return code;
  }

  /** Turns that begin from now on run what those of this one do. */
  void takeCodeOf(Namespace other) {
    code = other.code;
  }

  /** The same for whoever needs to know what a host has. */
  public ServedNamespace served() {
    return new ServedNamespace(name, uniqueKey, methods().service());
  }
}
