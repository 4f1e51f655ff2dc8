package dev.seriatim.service.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.util.JsonFormat;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A stored value, for people. Nothing is stored beside it that says what it is; so it is what it
 * can be read as: the first known message that reads all of it, and writes it back the same; else
 * text; else whatever fields there are; else bytes.
 *
 * @param type the full name of the message; empty if none fits
 * @param text JSON if one does
 */
record ValueText(String type, String text) {
  /** A longer one is cut. */
  static final int MOST_CHARS = 64 << 10;

  private static final String CUT = "…";

  /**
   * A value that may be one of these messages.
   *
   * @param prototypes messages without content
   */
  static ValueText of(ByteString value, List<Message> prototypes) {
    for (Message prototype : prototypes) {
      Message message = read(value, prototype);
      if (message != null) {
        return new ValueText(
            message.getDescriptorForType().getFullName(), cut(json(message, prototypes)));
      }
    }
    String text = utf8(value);
    if (text == null) {
      text = fields(value);
    }
    if (text == null) {
      text = hex(value);
    }
    return new ValueText("", cut(text));
  }

  private static @Nullable Message read(ByteString value, Message prototype) {
    try {
      Message message = prototype.getParserForType().parseFrom(value);
      return isKnown(message) && message.toByteString().equals(value) ? message : null;
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** Whether it has no unknown fields, and neither has what is in it. */
  private static boolean isKnown(Message message) {
    if (!message.getUnknownFields().asMap().isEmpty()) {
      return false;
    }
    for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
      if (field.getKey().getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
        if (field.getValue() instanceof List<?> messages) {
          for (Object each : messages) {
            if (!isKnown((Message) each)) {
              return false;
            }
          }
        } else if (!isKnown((Message) field.getValue())) {
          return false;
        }
      }
    }
    return true;
  }

  private static String json(Message message, List<Message> prototypes) {
    TypeRegistry.Builder types = TypeRegistry.newBuilder();
    prototypes.forEach(prototype -> types.add(prototype.getDescriptorForType()));
    try {
      return JsonFormat.printer()
          .usingTypeRegistry(types.build())
          .omittingInsignificantWhitespace()
          .print(message);
    } catch (InvalidProtocolBufferException | RuntimeException e) {
      // An Any of a type that isn't known, or a time that isn't any.
      return TextFormat.printer().emittingSingleLine(true).printToString(message);
    }
  }

  /** Null if it isn't text that people have written. */
  private static @Nullable String utf8(ByteString value) {
    String text;
    try {
      text = UTF_8.newDecoder().decode(ByteBuffer.wrap(value.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
    boolean readable =
        text.codePoints()
            .allMatch(c -> !Character.isISOControl(c) || c == '\n' || c == '\t' || c == '\r');
    return readable ? text : null;
  }

  private static @Nullable String fields(ByteString value) {
    try {
      return TextFormat.printer()
          .emittingSingleLine(true)
          .printToString(UnknownFieldSet.parseFrom(value));
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  private static String hex(ByteString value) {
    byte[] first = value.substring(0, Math.min(value.size(), MOST_CHARS)).toByteArray();
    return BaseEncoding.base16().lowerCase().encode(first);
  }

  private static String cut(String text) {
    if (text.length() <= MOST_CHARS) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(MOST_CHARS - 1)) ? MOST_CHARS - 1 : MOST_CHARS;
    return text.substring(0, end) + CUT;
  }
}
