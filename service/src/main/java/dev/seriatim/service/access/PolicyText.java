package dev.seriatim.service.access;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.policy.v1.Policy;
import dev.seriatim.policy.v1.Rule;
import java.io.IOException;
import java.io.StringReader;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A policy as it is written, and the line that each thing in it is on. JsonFormat reads it; it
 * tells no lines, so the text is gone through before, beside the message's descriptor. Immutable.
 *
 * @param rules what is written
 * @param lines by paths, such as {@code $.rules[0].who[1]}
 */
record PolicyText(ImmutableList<Rule> rules, ImmutableMap<String, Integer> lines) {
  private static final Pattern LINE = Pattern.compile("at line (\\d+) column");

  /**
   * Reads it.
   *
   * @throws IllegalArgumentException if it isn't one; the message begins with the line
   */
  static PolicyText parse(String text) {
    Map<String, Integer> lines = new HashMap<>();
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      try {
        walk(reader, Policy.getDescriptor(), lines);
        if (reader.peek() != JsonToken.END_DOCUMENT) {
          throw wrong(reader, "more behind the end of the policy");
        }
      } catch (IOException | IllegalStateException e) {
        throw wrong(reader, "not JSON, or not to its end");
      }
      Policy.Builder policy = Policy.newBuilder();
      JsonFormat.parser().merge(text, policy);
      return new PolicyText(
          ImmutableList.copyOf(policy.getRulesList()), ImmutableMap.copyOf(lines));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a policy: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new AssertionError(e); // It is a string.
    }
  }

  /** Says what is wrong with what has this path. */
  IllegalArgumentException wrong(String path, String why) {
    return new IllegalArgumentException(
        "line %s: %s %s".formatted(lines.get(path), path.substring("$.".length()), why));
  }

  private static void walk(JsonReader reader, Descriptor message, Map<String, Integer> lines)
      throws IOException {
    expect(reader, JsonToken.BEGIN_OBJECT, "an object {…}");
    lines.put(path(reader), line(reader));
    reader.beginObject();
    Set<String> seen = new HashSet<>();
    while (reader.hasNext()) {
      String name = reader.nextName();
      FieldDescriptor field = message.findFieldByName(name);
      if (field == null) {
        throw wrong(
            reader,
            "unknown field '%s', expected one of %s"
                .formatted(
                    name,
                    message.getFields().stream()
                        .map(FieldDescriptor::getName)
                        .collect(ImmutableList.toImmutableList())));
      }
      if (!seen.add(name)) {
        throw wrong(reader, "'%s' a second time".formatted(name));
      }
      walkList(reader, field, lines);
    }
    reader.endObject();
  }

  /** All fields of a policy are lists, of messages or of strings. */
  private static void walkList(JsonReader reader, FieldDescriptor field, Map<String, Integer> lines)
      throws IOException {
    expect(reader, JsonToken.BEGIN_ARRAY, "a list […]");
    reader.beginArray();
    while (reader.hasNext()) {
      if (field.getJavaType() == JavaType.MESSAGE) {
        walk(reader, field.getMessageType(), lines);
      } else {
        expect(reader, JsonToken.STRING, "a string");
        String path = path(reader);
        var _ = reader.nextString();
        lines.put(path, line(reader));
      }
    }
    reader.endArray();
  }

  private static void expect(JsonReader reader, JsonToken token, String expected)
      throws IOException {
    JsonToken found = reader.peek();
    if (found != token) {
      throw wrong(reader, "%s is %s, expected %s".formatted(path(reader), found, expected));
    }
  }

  /** The reader is in front of what this is the path of. */
  private static String path(JsonReader reader) {
    return reader.getPath();
  }

  private static IllegalArgumentException wrong(JsonReader reader, String why) {
    return new IllegalArgumentException("line %s: %s".formatted(line(reader), why));
  }

  /** The reader tells it in words only. */
  private static int line(JsonReader reader) {
    Matcher matcher = LINE.matcher(reader.toString());
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }
}
