package dev.seriatim.service.dispatch;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.Value;
import java.math.BigDecimal;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds numbers in JSON that stand for whole numbers of 64 bits and may be others than were
 * written. Immutable.
 *
 * <p>JSON comes as a {@code google.protobuf.Value}, whose numbers are doubles: what was written as
 * 9007199254740993 is 9007199254740992 when it gets here. Nobody can tell then which it was.
 */
final class WholeNumbers {
  /** No other whole number becomes one of up to so much, or its negative, in a double. */
  private static final double MAX_EXACT = (1L << 53) - 1;

  /** A number that is larger still isn't written out in an error. */
  private static final double MAX_WRITTEN_OUT = 1e21;

  private static final String ANY_TYPE = "@type";
  private static final String ANY_VALUE = "value";

  private final TypeRegistry types;

  /** Knows these types inside an {@code Any}. */
  WholeNumbers(TypeRegistry types) {
    this.types = types;
  }

  /**
   * Checks the JSON of a message.
   *
   * @throws InvalidProtocolBufferException if a number may have been another; says where
   */
  void check(Value json, Descriptor type) throws InvalidProtocolBufferException {
    // Hardly ever is there one, and then there is no need to look at the type.
    if (hasInexact(json)) {
      message(json, type, "");
    }
  }

  private static boolean isInexact(Value json) {
    return json.hasNumberValue() && Math.abs(json.getNumberValue()) > MAX_EXACT;
  }

  private static boolean hasInexact(Value json) {
    return switch (json.getKindCase()) {
      case NUMBER_VALUE -> isInexact(json);
      case STRUCT_VALUE -> {
        for (Value field : json.getStructValue().getFieldsMap().values()) {
          if (hasInexact(field)) {
            yield true;
          }
        }
        yield false;
      }
      case LIST_VALUE -> {
        for (Value element : json.getListValue().getValuesList()) {
          if (hasInexact(element)) {
            yield true;
          }
        }
        yield false;
      }
      default -> false;
    };
  }

  // Where the JSON isn't of the form that its type asks for, the parser will say so.

  private void message(Value json, Descriptor type, String path)
      throws InvalidProtocolBufferException {
    switch (type.getFullName()) {
      case "google.protobuf.Int64Value", "google.protobuf.UInt64Value" -> wholeNumber(json, path);
      case "google.protobuf.Any" -> any(json.getStructValue().getFieldsMap(), path);
      case "google.protobuf.Value", "google.protobuf.Struct", "google.protobuf.ListValue" -> {
        // Their numbers are doubles.
      }
      default -> fields(json.getStructValue().getFieldsMap(), type, path);
    }
  }

  private void any(Map<String, Value> json, String path) throws InvalidProtocolBufferException {
    Value url = json.get(ANY_TYPE);
    Descriptor type = url == null ? null : types.getDescriptorForTypeUrl(url.getStringValue());
    if (type == null) {
      return;
    }
    Value value = json.get(ANY_VALUE);
    if (value != null && type.getFile().getPackage().equals("google.protobuf")) {
      // A type with a form of its own; if it is no such one, the field has that name.
      message(value, type, path + "." + ANY_VALUE);
    }
    fields(json, type, path);
  }

  private void fields(Map<String, Value> json, Descriptor type, String path)
      throws InvalidProtocolBufferException {
    for (Map.Entry<String, Value> entry : json.entrySet()) {
      FieldDescriptor field = find(type, entry.getKey());
      if (field != null) {
        field(
            entry.getValue(), field, path.isEmpty() ? entry.getKey() : path + "." + entry.getKey());
      }
    }
  }

  private static @Nullable FieldDescriptor find(Descriptor type, String name) {
    FieldDescriptor byName = type.findFieldByName(name);
    if (byName != null) {
      return byName;
    }
    for (FieldDescriptor field : type.getFields()) {
      if (field.getJsonName().equals(name)) {
        return field;
      }
    }
    return null;
  }

  private void field(Value json, FieldDescriptor field, String path)
      throws InvalidProtocolBufferException {
    if (field.isMapField()) {
      FieldDescriptor value = field.getMessageType().findFieldByName("value");
      for (Map.Entry<String, Value> entry : json.getStructValue().getFieldsMap().entrySet()) {
        single(entry.getValue(), value, path + "['" + entry.getKey() + "']");
      }
    } else if (field.isRepeated()) {
      for (int i = 0; i < json.getListValue().getValuesCount(); i++) {
        single(json.getListValue().getValues(i), field, path + "[" + i + "]");
      }
    } else {
      single(json, field, path);
    }
  }

  private void single(Value json, FieldDescriptor field, String path)
      throws InvalidProtocolBufferException {
    switch (field.getJavaType()) {
      case LONG -> wholeNumber(json, path);
      case MESSAGE -> message(json, field.getMessageType(), path);
      default -> {
        // Exact in a double, or one.
      }
    }
  }

  private static void wholeNumber(Value json, String path) throws InvalidProtocolBufferException {
    if (isInexact(json)) {
      double number = json.getNumberValue();
      throw new InvalidProtocolBufferException(
          ("%s: %s may have been another number when it was written, since numbers in JSON are"
                  + " exact only up to %.0f: write it as a string")
              .formatted(
                  path.isEmpty() ? "the number" : path,
                  Math.abs(number) < MAX_WRITTEN_OUT
                      ? new BigDecimal(number).toPlainString()
                      : Double.toString(number),
                  MAX_EXACT));
    }
  }
}
