package dev.seriatim.server.cli;

import com.google.common.collect.ImmutableList;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonStreamParser;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.DynamicMessage;
import java.io.EOFException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/** A call that is to be made. */
record PlannedCall(MethodDescriptor method, DynamicMessage argument) {
  private static final String NEXT = ",";
  private static final String INPUT = "-";

  /**
   * What the words of a command line say: {@code METHOD field=value … , METHOD …}.
   *
   * @param input what a {@code -} reads its JSON from, one value for each
   * @throws CommandFailure if they make no calls; nothing has been sent then
   */
  static ImmutableList<PlannedCall> parse(List<String> words, ServiceTypes types, Reader input) {
    JsonStreamParser json = new JsonStreamParser(input);
    ImmutableList.Builder<PlannedCall> calls = ImmutableList.builder();
    for (List<String> one : split(words)) {
      if (one.isEmpty()) {
        throw CommandFailure.usage("no method before or behind a ',', expected one");
      }
      MethodDescriptor method = types.method(one.getFirst());
      FieldWords fields = new FieldWords(method.getInputType(), types.parser());
      for (int i = 1; i < one.size(); i++) {
        if (!one.get(i).equals(INPUT)) {
          fields.add(one.get(i));
        } else if (i == 1) {
          fields.beginWith(next(json));
        } else {
          throw CommandFailure.usage(
              "'-' behind a field of %s, expected it first".formatted(one.getFirst()));
        }
      }
      calls.add(new PlannedCall(method, fields.build()));
    }
    return calls.build();
  }

  private static List<List<String>> split(List<String> words) {
    List<List<String>> parts = new ArrayList<>();
    parts.add(new ArrayList<>());
    for (String word : words) {
      if (word.equals(NEXT)) {
        parts.add(new ArrayList<>());
      } else {
        parts.getLast().add(word);
      }
    }
    return parts;
  }

  private static JsonObject next(JsonStreamParser json) {
    try {
      JsonElement value = json.next();
      if (value instanceof JsonObject object) {
        return object;
      }
      throw CommandFailure.usage("standard input has '%s', expected an object".formatted(value));
    } catch (JsonParseException e) {
      if (e.getCause() instanceof EOFException) {
        throw CommandFailure.usage("standard input has ended, expected JSON for each '-'");
      }
      throw CommandFailure.usage("standard input, expected JSON: " + e.getMessage());
    }
  }
}
