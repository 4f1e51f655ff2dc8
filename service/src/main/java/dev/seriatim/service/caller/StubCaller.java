package dev.seriatim.service.caller;

import dev.seriatim.peer.v1.RelayMethods;
import dev.seriatim.peer.v1.RelayOpen;
import dev.seriatim.service.Access;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.dispatch.ObjectMethod;
import io.grpc.Context;
import java.lang.ref.WeakReference;
import java.util.BitSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who has opened a stub, as the stub's turns know it. If another object has, it may be in the
 * middle of a turn of another caller with each invocation: then that says who calls, in metadata
 * that only objects can set.
 */
public final class StubCaller {
  /** The key under which an object says which it is. */
  private static final String OBJECT_KEY = "seriatim-caller";

  /** The key under which it says who began the chain; nothing if nobody known did. */
  private static final String ORIGIN_KEY = "seriatim-origin";

  /** Which methods it may call, by their places; null if all. Not changed. */
  private final @Nullable BitSet methods;

  // The turn thread's own, but for the stub of an object not changed.
  private Caller caller;
  private @Nullable String object;
  private @Nullable String origin;

  /**
   * The context of its turns on the instance that it was made for. Weak, for it holds the instance,
   * which has to go although the stub stays. The turn thread's own.
   */
  private @Nullable WeakReference<Bound> bound;

  private record Bound(Object instance, Caller caller, Context context) {}

  private StubCaller(Caller caller, @Nullable BitSet methods) {
    this.caller = caller;
    this.methods = methods;
  }

  /**
   * A caller who may do this; null if it is anonymous, and may do everything.
   *
   * @param table the object's methods
   */
  static @Nullable StubCaller of(Caller caller, Access access, MethodTable table) {
    BitSet methods = access instanceof Access.Methods some ? bits(some.names(), table) : null;
    return methods == null && caller.kind() == Caller.Kind.ANONYMOUS
        ? null
        : new StubCaller(caller, methods);
  }

  private static BitSet bits(Iterable<String> names, MethodTable table) {
    BitSet bits = new BitSet(table.methods().size());
    for (String name : names) {
      ObjectMethod method = table.find(name);
      if (method != null) {
        bits.set(method.index());
      }
    }
    return bits;
  }

  // ---- as hosts tell each other

  /** What another host says; null if it says nothing. */
  public static @Nullable StubCaller of(RelayOpen told, MethodTable table) {
    Caller caller = told.hasCaller() ? CallerWire.of(told.getCaller()) : Caller.anonymous();
    BitSet methods = told.hasMethods() ? bits(told.getMethods().getNamesList(), table) : null;
    return methods == null && !told.hasCaller() ? null : new StubCaller(caller, methods);
  }

  /** Tells another host. */
  public void tell(RelayOpen.Builder open, MethodTable table) {
    if (caller.kind() != Caller.Kind.ANONYMOUS) {
      open.setCaller(CallerWire.toProto(caller));
    }
    if (methods != null) {
      RelayMethods.Builder names = RelayMethods.newBuilder();
      for (ObjectMethod method : table.methods()) {
        if (mayCall(method)) {
          names.addNames(method.name());
        }
      }
      open.setMethods(names);
    }
  }

  // ---- as objects tell each other

  /** That of a stub which an object has opened: each invocation says more of it. */
  public static StubCaller ofObject() {
    return new StubCaller(Caller.anonymous(), /* methods= */ null);
  }

  /**
   * Puts into the metadata of an object's invocation who calls.
   *
   * @param object which it is
   * @param turnOf who calls the object, in whose turn it does; anonymous if it is no turn
   */
  public static void tell(Map<String, String> metadata, String object, Caller turnOf) {
    metadata.put(OBJECT_KEY, object);
    Caller origin = turnOf.kind() == Caller.Kind.OBJECT ? turnOf.origin().orElse(null) : turnOf;
    if (origin != null && origin.kind() != Caller.Kind.ANONYMOUS) {
      metadata.put(ORIGIN_KEY, CallerWire.toText(origin));
    }
  }

  /** Whether such metadata stands under this key. */
  public static boolean isTold(String key) {
    return key.equals(OBJECT_KEY) || key.equals(ORIGIN_KEY);
  }

  /**
   * An object invokes something, and says who it is. On the turn thread.
   *
   * @throws IllegalArgumentException if it says something else
   */
  public void hear(Map<String, String> metadata) {
    String nextObject = metadata.get(OBJECT_KEY);
    String nextOrigin = metadata.get(ORIGIN_KEY);
    if (Objects.equals(object, nextObject) && Objects.equals(origin, nextOrigin)) {
      return;
    }
    object = nextObject;
    origin = nextOrigin;
    caller =
        nextObject == null
            ? Caller.anonymous()
            : Caller.ofObject(nextObject, Optional.ofNullable(nextOrigin).map(CallerWire::ofText));
  }

  // ---- in a turn

  /** Who it is. */
  public Caller caller() {
    return caller;
  }

  /** Who it is, in an error's words. */
  public String words() {
    return caller.kind() == Caller.Kind.ANONYMOUS
        ? "a caller who isn't known"
        : "the caller '%s'".formatted(caller.name());
  }

  /** Whether it may call this method. */
  public boolean mayCall(ObjectMethod method) {
    return methods == null || methods.get(method.index());
  }

  /**
   * The context in which a turn runs on this instance; made once for the two. On the turn thread.
   *
   * @param context that of the instance
   */
  @SuppressWarnings("ReferenceEquality") // As long as it is the very same, it needs no other.
  public Context on(Object instance, Context context) {
    WeakReference<Bound> kept = bound;
    Bound last = kept == null ? null : kept.get();
    if (last == null || last.instance() != instance || last.caller() != caller) {
      last = new Bound(instance, caller, context.withValue(DurableObjectState.CALLER, caller));
      bound = new WeakReference<>(last);
    }
    return last.context();
  }
}
