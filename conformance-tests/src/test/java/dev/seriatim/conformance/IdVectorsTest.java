package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.io.Resources;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The derivation of ids against vectors that were made without any code of this project. */
final class IdVectorsTest {
  private final Struct vectors = load();

  @Test
  void namesGiveTheirIds() {
    for (Map<String, Value> vector : vectors("named")) {
      String key = text(vector, "unique_key");
      String name = text(vector, "name");
      String id = text(vector, "id");

      assertWithMessage(text(vector, "why"))
          .that(new DurableObjectIds(key).fromName(name).toString())
          .isEqualTo(id);
      assertWithMessage(text(vector, "why")).that(IdDerivation.fromName(key, name)).isEqualTo(id);
      DurableObjectId parsed = new DurableObjectIds(key).fromString(id);
      assertThat(parsed.toString()).isEqualTo(id);
    }
  }

  @Test
  void pinsTheVectorOfTheOpenRuntime() {
    assertThat(vectors("named").stream().map(vector -> text(vector, "id")).toList())
        .contains("59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234");
  }

  @Test
  void uniqueIdsAreTaken() {
    for (Map<String, Value> vector : vectors("unique")) {
      String id = text(vector, "id");

      assertThat(new DurableObjectIds(text(vector, "unique_key")).fromString(id).toString())
          .isEqualTo(id);
      assertThat(id).startsWith(text(vector, "base"));
    }
  }

  @Test
  void whatIsNoIdIsRefused() {
    for (Map<String, Value> vector : vectors("refused_ids")) {
      DurableObjectIds ids = new DurableObjectIds(text(vector, "unique_key"));

      assertThrows(
          IllegalArgumentException.class,
          () -> ids.fromString(text(vector, "id")),
          text(vector, "why"));
    }
  }

  @Test
  void whatIsNoNameIsRefused() {
    for (Map<String, Value> vector : vectors("refused_names")) {
      DurableObjectIds ids = new DurableObjectIds("mykey");

      assertThrows(
          IllegalArgumentException.class,
          () -> ids.fromName(text(vector, "name")),
          text(vector, "why"));
    }
  }

  private List<Map<String, Value>> vectors(String group) {
    List<Map<String, Value>> all =
        vectors.getFieldsOrThrow(group).getListValue().getValuesList().stream()
            .map(value -> value.getStructValue().getFieldsMap())
            .toList();
    assertWithMessage(group).that(all).isNotEmpty();
    return all;
  }

  private static String text(Map<String, Value> vector, String field) {
    Value value = vector.get(field);
    if (value == null) {
      throw new AssertionError("a vector has no " + field + ": " + vector);
    }
    return value.getStringValue();
  }

  private static Struct load() {
    try {
      Struct.Builder struct = Struct.newBuilder();
      JsonFormat.parser()
          .merge(Resources.toString(Resources.getResource("vectors/ids.json"), UTF_8), struct);
      return struct.build();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
