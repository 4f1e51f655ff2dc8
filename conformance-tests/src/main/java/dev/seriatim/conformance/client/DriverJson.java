package dev.seriatim.conformance.client;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;

/** The lines that go to and come from a driver. */
final class DriverJson {
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace();
  private static final JsonFormat.Parser PARSER = JsonFormat.parser();

  private DriverJson() {}

  static String line(MessageOrBuilder message) {
    try {
      return PRINTER.print(message);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static DriverRequest request(String line) throws InvalidProtocolBufferException {
    DriverRequest.Builder request = DriverRequest.newBuilder();
    PARSER.ignoringUnknownFields().merge(line, request);
    return request.build();
  }

  static DriverResponse response(String line) throws InvalidProtocolBufferException {
    DriverResponse.Builder response = DriverResponse.newBuilder();
    PARSER.merge(line, response);
    return response.build();
  }
}
