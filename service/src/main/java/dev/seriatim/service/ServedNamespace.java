package dev.seriatim.service;

import com.google.common.collect.ImmutableSortedSet;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServiceDescriptor;
import java.util.Comparator;

/**
 * A namespace as a host has it. A value.
 *
 * @param name what clients call it
 * @param uniqueKey what its objects' ids are derived from
 * @param service what its objects implement
 */
public record ServedNamespace(String name, String uniqueKey, ServiceDescriptor service) {
  /** The methods that can be called, by their names without that of the service. */
  public ImmutableSortedSet<String> methods() {
    return service.getMethods().stream()
        .filter(method -> method.getType() == MethodType.UNARY)
        .map(MethodDescriptor::getBareMethodName)
        .collect(ImmutableSortedSet.toImmutableSortedSet(Comparator.naturalOrder()));
  }
}
