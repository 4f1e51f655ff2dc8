package dev.seriatim.server.cli;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import org.jspecify.annotations.Nullable;

/** JSON as it is given on the command line, and as it is printed. */
final class JsonValues {
  private static final TypeAdapter<JsonElement> ADAPTER = new Gson().getAdapter(JsonElement.class);

  private JsonValues() {}

  /** What this text is as JSON; null if it is none. */
  static @Nullable JsonElement parse(String text) {
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement value = ADAPTER.read(reader);
      return reader.peek() == JsonToken.END_DOCUMENT ? value : null;
    } catch (IOException | JsonParseException | IllegalStateException e) {
      return null;
    }
  }

  /** The same JSON without the escapes that only a web page needs. */
  static String plain(String json) {
    return JsonParser.parseString(json).toString();
  }

  /** An object with one text in it. */
  static String text(String key, String value) {
    JsonObject object = new JsonObject();
    object.addProperty(key, value);
    return object.toString();
  }
}
