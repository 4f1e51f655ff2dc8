package dev.seriatim.conformance;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.Maps;
import com.google.protobuf.Descriptors.MethodDescriptor;
import dev.seriatim.conformance.v1.ProbeProto;

/** The methods of the probe, found by the message that they take. */
final class ProbeMethods {
  static final String SERVICE = "seriatim.conformance.v1.Probe";

  private static final ImmutableMap<String, MethodDescriptor> BY_REQUEST =
      Maps.uniqueIndex(
          ProbeProto.getDescriptor().findServiceByName("Probe").getMethods(),
          method -> method.getInputType().getFullName());

  private ProbeMethods() {}

  /** The short name of the method that takes this type. */
  static String nameFor(com.google.protobuf.Descriptors.Descriptor requestType) {
    MethodDescriptor method = BY_REQUEST.get(requestType.getFullName());
    if (method == null) {
      throw new IllegalArgumentException("no method takes " + requestType.getFullName());
    }
    return method.getName();
  }
}
