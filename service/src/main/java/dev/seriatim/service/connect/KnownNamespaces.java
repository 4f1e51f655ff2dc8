package dev.seriatim.service.connect;

import com.google.common.collect.ImmutableSortedSet;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.Method;
import dev.seriatim.v1.Open;

/**
 * The namespaces that clients may ask a host for: those that it serves, and those that it only
 * knows of, since other hosts of its cluster do. Safe for any number of threads.
 */
final class KnownNamespaces {
  private final Namespaces own;
  private final Placement placement;

  /** Those of a host, and those that the placement knows of. */
  KnownNamespaces(Namespaces own, Placement placement) {
    this.own = own;
    this.placement = placement;
  }

  /** What they are called, in ascending order. */
  ImmutableSortedSet<String> names() {
    return ImmutableSortedSet.<String>naturalOrder()
        .addAll(own.names())
        .addAll(placement.elsewhere().keySet())
        .build();
  }

  /**
   * Describes one.
   *
   * @throws BreakException if no host serves it
   */
  DescribeNamespaceResponse describe(String name) throws BreakException {
    DescribeNamespaceResponse elsewhere = placement.elsewhere().get(name);
    return elsewhere == null ? describe(own.find(name)) : elsewhere;
  }

  /** What a client, or another host, may want to know of a namespace that is served here. */
  static DescribeNamespaceResponse describe(Namespace namespace) {
    DescribeNamespaceResponse.Builder response =
        DescribeNamespaceResponse.newBuilder()
            .setName(namespace.name())
            .setUniqueKey(namespace.uniqueKey())
            .setService(namespace.methods().serviceName());
    for (ObjectMethod method : namespace.methods().methods()) {
      response.addMethods(
          Method.newBuilder()
              .setName(method.name())
              .setRequestType(method.requestType())
              .setResponseType(method.responseType()));
    }
    return response.build();
  }

  /**
   * Finds out which object is meant, in a namespace that is served here.
   *
   * @throws BreakException if it can't be any
   */
  ObjectAddress resolve(Open open) throws BreakException {
    String name = open.getNamespace();
    if (!own.names().contains(name) && placement.elsewhere().containsKey(name)) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.OWNER_UNAVAILABLE,
              "namespace '%s' is served by other hosts of the cluster, and not by this one, which"
                      .formatted(name)
                  + " serves "
                  + own.names()));
    }
    return own.resolve(open);
  }
}
