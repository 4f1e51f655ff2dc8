package dev.seriatim.service.dispatch;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;

/** Turns messages into JSON values and back, by the protobuf JSON mapping. Immutable. */
final class JsonCodec {
  private static final JsonFormat.Printer VALUE_PRINTER =
      JsonFormat.printer().omittingInsignificantWhitespace();
  private static final JsonFormat.Parser VALUE_PARSER = JsonFormat.parser();

  private final JsonFormat.Printer printer;
  private final JsonFormat.Parser parser;

  /** A codec that also knows the given types, and those that they use, inside an {@code Any}. */
  JsonCodec(Iterable<Descriptor> types) {
    TypeRegistry registry = TypeRegistry.newBuilder().add(types).build();
    printer =
        JsonFormat.printer()
            .usingTypeRegistry(registry)
            .alwaysPrintFieldsWithNoPresence()
            .omittingInsignificantWhitespace();
    parser = JsonFormat.parser().usingTypeRegistry(registry);
  }

  Message parse(Value value, Message prototype) throws IOException {
    Message.Builder builder = prototype.newBuilderForType();
    parser.merge(VALUE_PRINTER.print(value), builder);
    return builder.build();
  }

  Value toValue(Message message) throws IOException {
    Value.Builder value = Value.newBuilder();
    VALUE_PARSER.merge(printer.print(message), value);
    return value.build();
  }
}
