package dev.seriatim.conformance;

import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.TextFormat;
import com.google.protobuf.TypeRegistry;
import com.google.rpc.ErrorDetailsProto;
import io.grpc.Status;

/** Shows values in messages. */
final class Text {
  private static final int LONGEST = 600;
  private static final TextFormat.Printer PRINTER =
      TextFormat.printer()
          .usingTypeRegistry(
              TypeRegistry.newBuilder()
                  .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
                  .build())
          .emittingSingleLine(true);

  private Text() {}

  static String oneLine(MessageOrBuilder message) {
    return cut(PRINTER.printToString(message).strip());
  }

  static String of(Status status) {
    String description = status.getDescription();
    return status.getCode() + (description == null ? "" : ": " + cut(description));
  }

  static String cut(String text) {
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }
}
