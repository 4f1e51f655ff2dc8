package dev.seriatim.service.dispatch;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Int64Value;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.Value;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.probe.Colour;
import dev.seriatim.service.probe.Kinds;
import dev.seriatim.service.probe.MirrorGrpc;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Outcome;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** An argument in JSON is what was meant, or malformed. */
final class JsonArgumentTest {
  private static final int MESSAGES = 300;
  private static final long MAX_EXACT = (1L << 53) - 1;

  private static final ObjectMethod METHOD =
      new MethodTable(MirrorGrpc.getServiceDescriptor()).methods().get(0);
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer()
          .usingTypeRegistry(TypeRegistry.newBuilder().add(Kinds.getDescriptor()).build());

  /** A string that holds a whole number, and is no key. No other string here looks like that. */
  private static final Pattern WHOLE_NUMBER = Pattern.compile("(?<=[:\\[,])\"(-?\\d+)\"(?!:)");

  /** Of the seed that is played. */
  private Random random = new Random();

  // ---- every kind, at random

  private int few() {
    return random.nextInt(12) == 0 ? 1 + random.nextInt(2) : 0;
  }

  private long wholeNumber() {
    return switch (random.nextInt(20)) {
      case 0 -> random.nextLong();
      case 1 -> (random.nextBoolean() ? 1 : -1) * (MAX_EXACT - 2 + random.nextInt(6));
      default -> random.nextInt() * (1L << random.nextInt(21));
    };
  }

  private Object scalar(FieldDescriptor field, int depth) {
    return switch (field.getJavaType()) {
      case INT -> random.nextInt() >>> random.nextInt(32);
      case LONG -> wholeNumber();
      case FLOAT -> Float.intBitsToFloat(random.nextInt() & 0x7F7F_FFFF);
      case DOUBLE -> random.nextInt(4) == 0 ? 0x1p60 : random.nextDouble();
      case BOOLEAN -> random.nextBoolean();
      case STRING -> "s" + random.nextInt();
      case BYTE_STRING -> ByteString.copyFromUtf8("b" + random.nextInt());
      case ENUM ->
          field.getEnumType().findValueByNumber(random.nextBoolean() ? Colour.COLOUR_RED_VALUE : 0);
      case MESSAGE -> message(field, depth + 1);
    };
  }

  private Message message(FieldDescriptor field, int depth) {
    return switch (field.getMessageType().getFullName()) {
      case "google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value" ->
          parsed(field, "{\"big\": [1e17, {\"n\": 9007199254740993}]}");
      case "google.protobuf.Any" -> Any.pack(any(depth));
      case "google.protobuf.Duration" -> Durations.fromMillis(random.nextInt());
      case "google.protobuf.Timestamp" -> Timestamps.fromMillis(random.nextInt());
      case "google.protobuf.FieldMask" ->
          com.google.protobuf.FieldMask.newBuilder().addPaths("a.b").build();
      case "google.protobuf.Int64Value" -> Int64Value.of(wholeNumber());
      case "google.protobuf.UInt64Value" -> com.google.protobuf.UInt64Value.of(wholeNumber());
      case "google.protobuf.Int32Value" -> com.google.protobuf.Int32Value.of(random.nextInt());
      case "google.protobuf.DoubleValue" -> com.google.protobuf.DoubleValue.of(1e18);
      default -> kinds(depth);
    };
  }

  private static Message parsed(FieldDescriptor field, String json) {
    Value.Builder value = Value.newBuilder();
    try {
      JsonFormat.parser().merge(json, value);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
    return switch (field.getMessageType().getName()) {
      case "Struct" -> value.getStructValue();
      case "ListValue" -> value.getStructValue().getFieldsOrThrow("big").getListValue();
      default -> value.build();
    };
  }

  private Message any(int depth) {
    return switch (random.nextInt(3)) {
      case 0 -> Int64Value.of(wholeNumber());
      case 1 -> Any.pack(kinds(depth + 1));
      default -> kinds(depth + 1);
    };
  }

  private Kinds kinds(int depth) {
    Kinds.Builder kinds = Kinds.newBuilder();
    for (FieldDescriptor field : Kinds.getDescriptor().getFields()) {
      if (depth > 3 && field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
        continue;
      }
      for (int i = few(); i > 0; i--) {
        if (field.isMapField()) {
          putEntry(kinds, field, depth);
        } else if (field.isRepeated()) {
          kinds.addRepeatedField(field, scalar(field, depth));
        } else {
          kinds.setField(field, scalar(field, depth));
        }
      }
    }
    return kinds.build();
  }

  private void putEntry(Kinds.Builder kinds, FieldDescriptor map, int depth) {
    Message.Builder entry = kinds.newBuilderForField(map);
    for (FieldDescriptor part : map.getMessageType().getFields()) {
      entry.setField(part, scalar(part, depth));
    }
    kinds.addRepeatedField(map, entry.build());
  }

  @Test
  void numbersWithoutQuotesAreExactOrMalformed() {
    Seeds.each(
        1,
        seed -> {
          random = new Random(seed);
          takeQuotesAway();
        });
  }

  private void takeQuotesAway() throws Exception {
    int exact = 0;
    int malformed = 0;
    for (int i = 0; i < MESSAGES; i++) {
      Kinds sent = Kinds.parseFrom(kinds(0).toByteString()); // Without doubled entries of maps.
      String quoted = PRINTER.omittingInsignificantWhitespace().print(sent);
      assertWithMessage("message %s", i).that(parse(quoted)).isEqualTo(sent);
      String unquoted = WHOLE_NUMBER.matcher(quoted).replaceAll("$1");
      boolean mayBeInexact =
          Pattern.compile("\\d+")
              .matcher(unquoted)
              .results()
              .anyMatch(number -> number.group().length() >= 16);
      try {
        assertWithMessage("message %s: %s", i, unquoted).that(parse(unquoted)).isEqualTo(sent);
        exact++;
      } catch (MalformedArgumentException e) {
        assertWithMessage("message %s: %s", i, unquoted).that(mayBeInexact).isTrue();
        assertThat(e).hasMessageThat().contains("write it as a string");
        malformed++;
      }
    }
    assertThat(exact).isGreaterThan(0);
    assertThat(malformed).isGreaterThan(0);
  }

  private static Kinds parse(String json) throws MalformedArgumentException {
    Value.Builder value = Value.newBuilder();
    try {
      JsonFormat.parser().merge(json, value);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(json, e);
    }
    return (Kinds)
        METHOD.parse(
            dev.seriatim.wire.Invocation.of(
                Invocation.newBuilder().setMethod("Reflect").setJson(value).build()));
  }

  // ---- one by one

  private static void assertMalformed(String json, String... messageParts) {
    MalformedArgumentException e =
        assertThrows(MalformedArgumentException.class, () -> parse(json), json);
    for (String part : messageParts) {
      assertWithMessage(json).that(e).hasMessageThat().contains(part);
    }
  }

  @Test
  void theLastExactNumberIsTakenAndTheNextIsNot() throws Exception {
    assertThat(parse("{\"anInt64\": 9007199254740991}").getAnInt64()).isEqualTo(MAX_EXACT);
    assertThat(parse("{\"anInt64\": -9007199254740991}").getAnInt64()).isEqualTo(-MAX_EXACT);
    for (String number :
        List.of("9007199254740992", "9007199254740993", "-9007199254740993", "1e19", "1e300")) {
      assertMalformed(
          "{\"anInt64\": %s}".formatted(number),
          "anInt64",
          "exact only up to 9007199254740991",
          "write it as a string");
    }
    assertThat(parse("{\"anInt64\": \"9007199254740993\"}").getAnInt64())
        .isEqualTo(9007199254740993L);
  }

  @Test
  void everyPlaceOfAWholeNumberIsNamed() {
    assertMalformed("{\"a_uint64\": 1234567890123456789}", "a_uint64: 1234567890123456768");
    assertMalformed("{\"aSint64\": 1e16}", "aSint64");
    assertMalformed("{\"aFixed64\": 1e16}", "aFixed64");
    assertMalformed("{\"aSfixed64\": -1e16}", "aSfixed64: -10000000000000000");
    assertMalformed("{\"maybeInt64\": 1e16}", "maybeInt64");
    assertMalformed("{\"other\": 1e16}", "other");
    assertMalformed("{\"renamed_int64\": 1e16}", "renamed_int64");
    assertMalformed("{\"int64s\": [1, 1e16]}", "int64s[1]");
    assertMalformed("{\"uint64s\": [1e16]}", "uint64s[0]");
    assertMalformed("{\"int64ByName\": {\"a\": 1, \"b\": 1e16}}", "int64ByName['b']");
    assertMalformed("{\"kindsByUint64\": {\"1\": {\"anInt64\": 1e16}}}", "['1'].anInt64");
    assertMalformed("{\"chosenInt64\": 1e16}", "chosenInt64");
    assertMalformed("{\"chosenFixed64\": 1e16}", "chosenFixed64");
    assertMalformed("{\"nested\": {\"nested\": {\"anInt64\": 1e16}}}", "nested.nested.anInt64");
    assertMalformed("{\"children\": [{}, {\"anInt64\": 1e16}]}", "children[1].anInt64");
    assertMalformed("{\"boxedInt64\": 1e16}", "boxedInt64");
    assertMalformed("{\"boxedUint64\": 1e16}", "boxedUint64");
    assertMalformed("{\"boxedInt64s\": [1, 1e16]}", "boxedInt64s[1]");
    assertMalformed(
        """
        {"any": {"@type": "type.googleapis.com/seriatim.servicetest.Kinds", "anInt64": 1e16}}
        """,
        "any.anInt64");
    assertMalformed(
        """
        {"any": {"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": 1e16}}
        """,
        "any.value");
  }

  @Test
  void keysOfMapsAreExact() throws Exception {
    Kinds kinds =
        parse(
            """
            {"nameByInt64": {"9007199254740993": "a"},
             "kindsByUint64": {"18446744073709551615": {"anInt64": "1"}}}
            """);
    assertThat(kinds.getNameByInt64Map()).containsExactly(9007199254740993L, "a");
    assertThat(kinds.getKindsByUint64Map().keySet()).containsExactly(-1L);
  }

  @Test
  void whereADoubleStandsAnyNumberMay() throws Exception {
    Kinds kinds =
        parse(
            """
            {"aDouble": 9007199254740993, "boxedDouble": 1e300, "aFloat": 1e20,
             "aValue": 9007199254740993, "aList": [1e17], "aStruct": {"anInt64": 1e18}}
            """);
    assertThat(kinds.getADouble()).isEqualTo(9007199254740992.0);
    assertThat(kinds.getAValue().getNumberValue()).isEqualTo(9007199254740992.0);
    assertThat(kinds.getAStruct().getFieldsOrThrow("anInt64").getNumberValue()).isEqualTo(1e18);
  }

  @Test
  void smallerIntegersAreAsProtobufSays() throws Exception {
    Kinds kinds =
        parse(
            """
            {"anInt32": 1e3, "aUint32": 4294967295, "int32s": [1.0, "2"], "anInt64": 1.5e3,
             "aUint64": "1e3"}
            """);
    assertThat(kinds.getAnInt32()).isEqualTo(1000);
    assertThat(kinds.getAUint32()).isEqualTo(-1);
    assertThat(kinds.getInt32SList()).containsExactly(1, 2).inOrder();
    assertThat(kinds.getAnInt64()).isEqualTo(1500);
    assertThat(kinds.getAUint64()).isEqualTo(1000);
    assertMalformed("{\"anInt32\": 2147483648}");
    assertMalformed("{\"anInt32\": 1e16}");
    assertMalformed("{\"aUint32\": -1}");
    assertMalformed("{\"aUint64\": -1}");
    assertMalformed("{\"anInt64\": 1.5}");
    assertMalformed("{\"anInt64\": \"1.5\"}");
    assertMalformed("{\"anInt64\": \"9223372036854775808\"}");
    assertMalformed("{\"anInt64\": \"nonsense\"}");
  }

  // ---- depth

  @Test
  void aResponseThatIsTooDeepForAFrameIsRefused() throws Exception {
    int written = 0;
    int refused = 0;
    for (boolean lists : List.of(true, false)) {
      Value value = Value.newBuilder().setNumberValue(1).build();
      for (int depth = 0; depth < 60; depth++) {
        Kinds response = Kinds.newBuilder().setAValue(value).build();
        if (isReadable(response)) {
          assertThat(METHOD.toJson(METHOD.descriptor(), response).hasStructValue()).isTrue();
          written++;
        } else {
          assertThat(
                  assertThrows(
                      IOException.class, () -> METHOD.toJson(METHOD.descriptor(), response)))
              .hasMessageThat()
              .contains("nested");
          refused++;
        }
        Value.Builder around = Value.newBuilder();
        if (lists) {
          around.getListValueBuilder().addValues(value);
        } else {
          around.getStructValueBuilder().putFields("a", value);
        }
        value = around.build();
      }
    }
    assertThat(written).isGreaterThan(70);
    assertThat(refused).isGreaterThan(30);
  }

  /** Whether protobuf reads a frame with this in JSON. */
  private static boolean isReadable(Message response) throws Exception {
    Value.Builder json = Value.newBuilder();
    JsonFormat.parser()
        .merge(JsonFormat.printer().alwaysPrintFieldsWithNoPresence().print(response), json);
    ConnectResponse frame =
        ConnectResponse.newBuilder()
            .addOutcomes(Outcome.newBuilder().setSequence(1).setJson(json))
            .build();
    try {
      return ConnectResponse.parseFrom(frame.toByteString()).isInitialized();
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }
}
