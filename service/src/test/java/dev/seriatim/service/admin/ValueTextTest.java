package dev.seriatim.service.admin;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Int64Value;
import com.google.protobuf.Message;
import com.google.protobuf.StringValue;
import com.google.protobuf.Struct;
import com.google.protobuf.UnsafeByteOperations;
import com.google.protobuf.Value;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ObjectSnapshot;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is shown of stored values. */
final class ValueTextTest {
  private static final List<Message> KNOWN =
      List.of(
          ObjectName.getDefaultInstance(),
          Int64Value.getDefaultInstance(),
          ObjectSnapshot.getDefaultInstance());

  @Test
  void theFirstMessageThatReadsAllOfIt() {
    ObjectName name = ObjectName.newBuilder().setNamespace("N").setName("é").build();
    assertThat(ValueText.of(name.toByteString(), KNOWN))
        .isEqualTo(
            new ValueText("seriatim.admin.v1.ObjectName", "{\"namespace\":\"N\",\"name\":\"é\"}"));
    assertThat(ValueText.of(Int64Value.of(7).toByteString(), KNOWN))
        .isEqualTo(new ValueText("google.protobuf.Int64Value", "\"7\""));
  }

  @Test
  void aMessageWithMoreThanIsKnownIsNotThatMessage() {
    ObjectSnapshot whole =
        ObjectSnapshot.newBuilder().setNamespace("N").setId("i").setMore(true).build();
    assertThat(ValueText.of(whole.toByteString(), List.of(ObjectName.getDefaultInstance())))
        .isEqualTo(new ValueText("", "1: \"N\" 2: \"i\" 6: 1"));
    assertThat(ValueText.of(whole.toByteString(), KNOWN).type())
        .isEqualTo("seriatim.admin.v1.ObjectSnapshot");
  }

  @Test
  void neitherIsOneWithAnUnknownFieldDeepInside() {
    ByteString inner =
        Duration.newBuilder().setSeconds(1).build().toByteString().concat(bytes(0x78, 1));
    ByteString value =
        Any.newBuilder().setTypeUrl("t").setValue(inner).build().toByteString().substring(0, 3);
    assertThat(ValueText.of(value, List.of(Any.getDefaultInstance())).type())
        .isEqualTo("google.protobuf.Any");
    // A Value that has a Struct with a field of number 15.
    ByteString struct = bytes(0x2a, 2, 0x78, 1);
    assertThat(ValueText.of(struct, List.of(Value.getDefaultInstance())).type()).isEmpty();
    assertThat(
            ValueText.of(
                    Value.newBuilder()
                        .setStructValue(
                            Struct.newBuilder()
                                .putFields("b", Value.newBuilder().setBoolValue(true).build())
                                .putFields("a", Value.newBuilder().setNumberValue(1).build()))
                        .build()
                        .toByteString(),
                    List.of(Value.getDefaultInstance()))
                .text())
        .isEqualTo("{\"b\":true,\"a\":1.0}");
  }

  @Test
  void anotherOrderOfFieldsIsNotWrittenBackTheSame() {
    ByteString turned = bytes(0x12, 1, 'n', 0x0a, 1, 'N');
    assertThat(ValueText.of(turned, KNOWN)).isEqualTo(new ValueText("", "1: \"N\" 2: \"n\""));
  }

  @Test
  void text() {
    assertThat(ValueText.of(ByteString.copyFromUtf8("two\nlines, ü"), KNOWN))
        .isEqualTo(new ValueText("", "two\nlines, ü"));
    assertThat(ValueText.of(ByteString.EMPTY, List.of())).isEqualTo(new ValueText("", ""));
  }

  @Test
  void bytesThatNothingElseIs() {
    assertThat(ValueText.of(bytes(0xff, 0x00, 0x07), KNOWN)).isEqualTo(new ValueText("", "ff0007"));
  }

  @Test
  void anAnyOfAnUnknownTypeIsShownAllTheSame() {
    Any any = Any.pack(StringValue.of("x"));
    ValueText shown = ValueText.of(any.toByteString(), List.of(Any.getDefaultInstance()));
    assertThat(shown.type()).isEqualTo("google.protobuf.Any");
    assertThat(shown.text()).contains("google.protobuf.StringValue");
  }

  @Test
  void whatIsLongIsCut() {
    String text = "x".repeat(ValueText.MOST_CHARS - 1) + "😀";
    assertThat(ValueText.of(ByteString.copyFromUtf8(text), List.of()).text())
        .isEqualTo("x".repeat(ValueText.MOST_CHARS - 1) + "…");
    byte[] large = new byte[2 << 20];
    large[0] = (byte) 0xff;
    assertThat(ValueText.of(UnsafeByteOperations.unsafeWrap(large), List.of()).text())
        .hasLength(ValueText.MOST_CHARS + 1);
  }

  private static ByteString bytes(int... bytes) {
    byte[] array = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      array[i] = (byte) bytes[i];
    }
    return ByteString.copyFrom(array);
  }
}
