package dev.seriatim.service.dispatch;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServiceDescriptor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The unary methods of one service, found by their short or full names. Immutable. */
public final class MethodTable {
  private final ServiceDescriptor service;
  private final ImmutableList<ObjectMethod> methods;
  private final ImmutableMap<String, ObjectMethod> byName;

  /** The table of the service's unary methods; others can't be invoked and are left out. */
  public MethodTable(ServiceDescriptor service) {
    this.service = service;
    List<MethodDescriptor<?, ?>> unary =
        service.getMethods().stream().filter(m -> m.getType() == MethodType.UNARY).toList();
    JsonCodec json = new JsonCodec(messageTypes(unary));
    List<ObjectMethod> table = new ArrayList<>();
    Map<String, ObjectMethod> names = new LinkedHashMap<>();
    for (MethodDescriptor<?, ?> descriptor : unary) {
      @SuppressWarnings("unchecked") // An argument only ever comes from the method's own parser.
      MethodDescriptor<Object, Object> untyped = (MethodDescriptor<Object, Object>) descriptor;
      ObjectMethod method = new ObjectMethod(untyped, table.size(), json);
      table.add(method);
      names.put(method.name(), method);
      names.put(method.fullName(), method);
    }
    methods = ImmutableList.copyOf(table);
    byName = ImmutableMap.copyOf(names);
  }

  /** The full name of the service. */
  public String serviceName() {
    return service.getName();
  }

  /** The service itself. */
  public ServiceDescriptor service() {
    return service;
  }

  /** The methods, in the order of their declaration. */
  public ImmutableList<ObjectMethod> methods() {
    return methods;
  }

  /** The method with this short or full name, or null. */
  public @Nullable ObjectMethod find(String name) {
    return byName.get(name);
  }

  private static List<Descriptor> messageTypes(List<MethodDescriptor<?, ?>> methods) {
    List<Descriptor> types = new ArrayList<>();
    for (MethodDescriptor<?, ?> method : methods) {
      for (MethodDescriptor.Marshaller<?> marshaller :
          List.of(method.getRequestMarshaller(), method.getResponseMarshaller())) {
        if (marshaller instanceof PrototypeMarshaller<?> known
            && known.getMessagePrototype() instanceof Message message) {
          types.add(message.getDescriptorForType());
        }
      }
    }
    return types;
  }
}
