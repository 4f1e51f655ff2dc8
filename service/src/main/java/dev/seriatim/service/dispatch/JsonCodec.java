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

  /**
   * How many messages a JSON value in an outcome may have in each other. Protobuf reads a hundred
   * by default, and two of them are the frame and the outcome; a client that can't read a frame
   * loses its stub.
   */
  private static final int MAX_MESSAGES = 98;

  private final JsonFormat.Printer printer;
  private final JsonFormat.Parser parser;
  private final WholeNumbers wholeNumbers;

  /** A codec that also knows the given types, and those that they use, inside an {@code Any}. */
  JsonCodec(Iterable<Descriptor> types) {
    TypeRegistry registry = TypeRegistry.newBuilder().add(types).build();
    printer =
        JsonFormat.printer()
            .usingTypeRegistry(registry)
            .alwaysPrintFieldsWithNoPresence()
            .omittingInsignificantWhitespace();
    parser = JsonFormat.parser().usingTypeRegistry(registry);
    wholeNumbers = new WholeNumbers(registry);
  }

  Message parse(Value value, Message prototype) throws IOException {
    wholeNumbers.check(value, prototype.getDescriptorForType());
    Message.Builder builder = prototype.newBuilderForType();
    parser.merge(VALUE_PRINTER.print(value), builder);
    return builder.build();
  }

  Value toValue(Message message) throws IOException {
    Value.Builder value = Value.newBuilder();
    VALUE_PARSER.merge(printer.print(message), value);
    Value built = value.build();
    if (messages(built) > MAX_MESSAGES) {
      throw new IOException("its JSON is nested deeper than a client reads");
    }
    return built;
  }

  /** How many messages are in each other here, this one not counted. */
  private static int messages(Value value) {
    int deepest = 0;
    if (value.hasStructValue()) {
      for (Value field : value.getStructValue().getFieldsMap().values()) {
        deepest = Math.max(deepest, 2 + messages(field)); // An entry of the map, and its value.
      }
      return 1 + deepest;
    }
    if (value.hasListValue()) {
      for (Value element : value.getListValue().getValuesList()) {
        deepest = Math.max(deepest, 1 + messages(element));
      }
      return 1 + deepest;
    }
    return 0;
  }
}
