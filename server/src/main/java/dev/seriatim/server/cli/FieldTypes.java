package dev.seriatim.server.cli;

import com.google.common.base.Ascii;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Shows what fields are, as one would write them. */
final class FieldTypes {
  private static final int MOST_VALUES = 12;

  private FieldTypes() {}

  /** The fields of a message in one line; empty if it has none. */
  static String text(Descriptor message) {
    return message.getFields().stream()
        .map(field -> field.getName() + ": " + text(field))
        .collect(Collectors.joining(", "));
  }

  /** The type of a field. */
  static String text(FieldDescriptor field) {
    if (field.isMapField()) {
      Descriptor entry = field.getMessageType();
      return "{%s: %s}"
          .formatted(one(entry.findFieldByName("key")), one(entry.findFieldByName("value")));
    }
    return field.isRepeated() ? "[" + one(field) + "]" : one(field);
  }

  private static String one(FieldDescriptor field) {
    return switch (field.getType()) {
      case MESSAGE, GROUP -> wellKnown(field.getMessageType());
      case ENUM -> {
        List<EnumValueDescriptor> values = field.getEnumType().getValues();
        yield values.stream()
                .limit(MOST_VALUES)
                .map(EnumValueDescriptor::getName)
                .collect(Collectors.joining("|"))
            + (values.size() > MOST_VALUES ? "|…" : "");
      }
      case BYTES -> "bytes in base64";
      default -> Ascii.toLowerCase(field.getType().name());
    };
  }

  private static String wellKnown(Descriptor message) {
    return switch (message.getFullName()) {
      case "google.protobuf.Timestamp" -> "time such as 2026-01-31T12:00:00Z";
      case "google.protobuf.Duration" -> "duration such as 2.5s";
      default -> message.getName();
    };
  }

  /** Adds the messages of this project that stand in the fields of this one, and in theirs. */
  static void addInner(Descriptor message, Set<Descriptor> to) {
    for (FieldDescriptor field : message.getFields()) {
      if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
        Descriptor inner = field.getMessageType();
        boolean isOwn = !field.isMapField() && !inner.getFullName().startsWith("google.protobuf.");
        if (field.isMapField() || (isOwn && to.add(inner))) {
          addInner(inner, to);
        }
      }
    }
  }
}
