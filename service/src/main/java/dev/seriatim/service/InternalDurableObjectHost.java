package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkState;

import dev.seriatim.service.object.CallChain;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.Faults;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Open;
import io.grpc.Attributes;
import io.grpc.protobuf.StatusProto;
import org.jspecify.annotations.Nullable;

/**
 * Internal: what the test kit and the server program reach inside of a host with. Whatever is here
 * may change with any version.
 */
public final class InternalDurableObjectHost {
  private InternalDurableObjectHost() {}

  /** Begins to make ready for a host that will store there, and returns at once. */
  public static void prepare(StorageOptions storage) {
    StorageEngine.prepare(storage.location());
  }

  /** Makes the commits of the host that is built fail when they are meant to. */
  public static void faults(DurableObjectHost.Builder builder, Faults faults) {
    builder.faults = faults;
  }

  /** Lets the code of the host that is built be {@link #replaceCode replaced}. */
  public static void makeReplaceable(DurableObjectHost.Builder builder) {
    builder.replaceable = true;
  }

  /**
   * Has the host's objects run, from their next turn on, what the namespaces of this builder do;
   * nothing else of it counts. Stubs stay open, and what is stored stays; a turn that runs ends as
   * it began. Calls of methods that are gone break their stub with {@code UNKNOWN_METHOD}. The old
   * code can be collected when the last turn that runs it has ended, and what came of it is sent.
   *
   * @throws IllegalArgumentException if a namespace is gone, is new, or has another unique key;
   *     nothing is replaced then
   * @throws IllegalStateException if the host was not {@linkplain #makeReplaceable built for that},
   *     or has an authorizer or a cluster
   */
  public static void replaceCode(DurableObjectHost host, DurableObjectHost.Builder next) {
    checkState(host.parts.replaceable, "the code of this host can't be replaced");
    synchronized (host.parts) {
      host.parts.directory.takeCodeOf(next.namespaces);
      host.parts.services.codeReplaced();
    }
  }

  /** Where the host stores. */
  public static StorageEngine storage(DurableObjectHost host) {
    return host.parts.storage;
  }

  /** The host's live objects. */
  public static ObjectDirectory directory(DurableObjectHost host) {
    return host.parts.directory;
  }

  /**
   * An object of the host.
   *
   * @throws IllegalArgumentException if there is no such namespace, or that can't be a name
   */
  public static ObjectAddress address(DurableObjectHost host, String namespace, String name) {
    return address(host, Open.newBuilder().setNamespace(namespace).setName(name).build());
  }

  /** The same, by its id. */
  public static ObjectAddress addressById(DurableObjectHost host, String namespace, String id) {
    return address(host, Open.newBuilder().setNamespace(namespace).setId(id).build());
  }

  private static ObjectAddress address(DurableObjectHost host, Open open) {
    try {
      return directory(host).namespaces().resolve(open);
    } catch (BreakException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** What was thrown inside of a host, as a client would see it if it is a break. */
  public static Throwable shown(Throwable thrown) {
    return thrown instanceof BreakException broken
        ? StatusProto.toStatusRuntimeException(broken.cause().toStatusProto())
        : thrown;
  }

  /**
   * Cuts the connections to the host, without a word to those at their other ends. Does nothing if
   * the host was given its server.
   *
   * @param but the attributes of a call whose connection stays; null if none does
   */
  public static void cutConnections(DurableObjectHost host, @Nullable Attributes but) {
    if (host.parts.connections != null) {
      host.parts.connections.cut(but);
    }
  }

  /** The object whose turn this thread runs; null if it runs none. For what stands around turns. */
  public static @Nullable DurableObjectId running() {
    CallChain chain = CallChain.current();
    return chain == null ? null : chain.object();
  }

  /**
   * What breaks a turn's stub for this reason, if it is thrown by what stands around turns.
   *
   * @param reason a name in {@code seriatim.v1.Reason}
   * @throws IllegalArgumentException if there is no such reason
   */
  public static Exception breaking(String reason, String message) {
    return new BreakException(BreakCause.of(BreakReason.valueOf(reason), message));
  }
}
