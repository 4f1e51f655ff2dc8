package dev.seriatim.server.cli;

import com.google.common.base.Splitter;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a message of words: {@code field=value}, where the value is JSON if the field takes it, and
 * else a text; {@code a.b=value} for a field of a message, or an entry of a map; {@code
 * field:=JSON}. What is wrong is said with the field's name. For one thread.
 */
final class FieldWords {
  private final Descriptor type;
  private final JsonFormat.Parser parser;
  private JsonObject message = new JsonObject();
  private final Set<String> given = new HashSet<>();

  FieldWords(Descriptor type, JsonFormat.Parser parser) {
    this.type = type;
    this.parser = parser;
  }

  /** Begins with this, which other words then change. */
  void beginWith(JsonObject whole) {
    message = whole;
  }

  /** Adds a word. */
  void add(String word) {
    int equals = word.indexOf('=');
    if (equals <= 0) {
      throw CommandFailure.usage(
          "'%s', expected field=value, field:=JSON, - for JSON from standard input, or a , before"
                  .formatted(word)
              + " the next method");
    }
    boolean json = word.charAt(equals - 1) == ':';
    String path = word.substring(0, json ? equals - 1 : equals);
    set(path, word.substring(equals + 1), json);
  }

  private void set(String path, String text, boolean json) {
    List<String> parts = Splitter.on('.').splitToList(path);
    Descriptor of = type;
    JsonObject into = message;
    for (int i = 0; ; i++) {
      FieldDescriptor field = field(of, parts.get(i), path);
      JsonElement known = into.remove(field.getName());
      if (known != null) {
        into.add(field.getJsonName(), known); // Under one name, whichever JSON has.
      }
      if (i == parts.size() - 1) {
        put(into, field.getJsonName(), field, path, text, json);
        return;
      }
      if (field.isMapField()) {
        // What is behind it is the key, whatever it has in it.
        String key = String.join(".", parts.subList(i + 1, parts.size()));
        put(inside(into, field), key, value(field), path, text, json);
        return;
      }
      if (field.isRepeated() || field.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
        throw CommandFailure.usage(
            "'%s': %s is %s, expected a message with fields"
                .formatted(path, field.getName(), FieldTypes.text(field)));
      }
      into = inside(into, field);
      of = field.getMessageType();
    }
  }

  private static FieldDescriptor field(Descriptor of, String name, String path) {
    for (FieldDescriptor field : of.getFields()) {
      if (field.getName().equals(name) || field.getJsonName().equals(name)) {
        return field;
      }
    }
    List<String> names = of.getFields().stream().map(FieldDescriptor::getName).toList();
    throw CommandFailure.usage(
        "'%s': %s has no field '%s', expected %s"
            .formatted(path, of.getName(), name, names.isEmpty() ? "no field" : "one of " + names));
  }

  private static FieldDescriptor value(FieldDescriptor map) {
    return map.getMessageType().findFieldByName("value");
  }

  private static JsonObject inside(JsonObject message, FieldDescriptor field) {
    JsonObject object =
        message.get(field.getJsonName()) instanceof JsonObject inner ? inner : new JsonObject();
    message.add(field.getJsonName(), object);
    return object;
  }

  private void put(
      JsonObject into, String key, FieldDescriptor field, String path, String text, boolean json) {
    JsonElement parsed = JsonValues.parse(text);
    if (json && parsed == null) {
      throw CommandFailure.usage("'%s': '%s', expected JSON".formatted(path, text));
    }
    boolean many = field.isRepeated() && !field.isMapField();
    boolean first = given.add(path);
    if (!first && !many) {
      throw CommandFailure.usage("'%s' is there twice, expected it once".formatted(path));
    }
    JsonElement value = fitting(field, path, text, json ? parsed : null, parsed);
    if (!many) {
      into.add(key, value);
      return;
    }
    JsonArray all = !first && into.get(key) instanceof JsonArray before ? before : new JsonArray();
    if (value instanceof JsonArray values) {
      all.addAll(values);
    } else {
      all.add(value);
    }
    into.add(key, all);
  }

  /** The value as the field takes it. */
  private JsonElement fitting(
      FieldDescriptor field,
      String path,
      String text,
      @Nullable JsonElement forced,
      @Nullable JsonElement json) {
    if (forced != null) {
      String why = refusal(field, forced);
      if (why != null) {
        throw unfit(field, path, text, why);
      }
      return forced;
    }
    // A text is a text, also where it looks like a number or null, if it isn't in quotes.
    boolean isText = field.getJavaType() == FieldDescriptor.JavaType.STRING;
    if (json != null
        && (!isText || isQuoted(json) || (field.isRepeated() && json.isJsonArray()))
        && refusal(field, json) == null) {
      return json;
    }
    JsonPrimitive asText = new JsonPrimitive(text);
    String why = refusal(field, asText);
    if (why != null) {
      throw unfit(field, path, text, why);
    }
    return asText;
  }

  private static boolean isQuoted(JsonElement json) {
    return json instanceof JsonPrimitive primitive && primitive.isString();
  }

  private static CommandFailure unfit(FieldDescriptor field, String path, String text, String why) {
    return CommandFailure.usage(
        "'%s': '%s', expected %s (%s)".formatted(path, text, FieldTypes.text(field), why));
  }

  /** Why the field doesn't take this; null if it does. */
  private @Nullable String refusal(FieldDescriptor field, JsonElement value) {
    JsonElement whole = value;
    if (field.isRepeated() && !field.isMapField() && !value.isJsonArray()) {
      JsonArray one = new JsonArray();
      one.add(value);
      whole = one;
    }
    JsonObject alone = new JsonObject();
    alone.add(field.getJsonName(), whole);
    try {
      parser.merge(alone.toString(), DynamicMessage.newBuilder(field.getContainingType()));
      return null;
    } catch (InvalidProtocolBufferException e) {
      return e.getMessage();
    }
  }

  /** The message that the words make. */
  DynamicMessage build() {
    DynamicMessage.Builder builder = DynamicMessage.newBuilder(type);
    try {
      parser.merge(message.toString(), builder);
    } catch (InvalidProtocolBufferException e) {
      throw CommandFailure.usage("%s: %s".formatted(type.getName(), e.getMessage()));
    }
    return builder.build();
  }
}
