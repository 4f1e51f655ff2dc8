package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.Value;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Invocation;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What is nested deeper than protobuf reads is the fault of its own invocation. */
final class DepthTest {
  private static final int TOO_DEEP = 200;

  private static ByteString groups(int depth) {
    byte start = 1 << 3 | 3;
    byte end = 1 << 3 | 4;
    byte[] bytes = new byte[2 * depth];
    for (int i = 0; i < depth; i++) {
      bytes[i] = start;
      bytes[depth + i] = end;
    }
    return ByteString.copyFrom(bytes);
  }

  private static UnknownFieldSet lengthDelimited(int field, ByteString bytes) {
    return UnknownFieldSet.newBuilder()
        .addField(field, UnknownFieldSet.Field.newBuilder().addLengthDelimited(bytes).build())
        .build();
  }

  private static Value json(int depth) {
    Value value = Value.newBuilder().setNumberValue(1).build();
    for (int i = 0; i < depth; i++) {
      Value.Builder around = Value.newBuilder();
      around.getListValueBuilder().addValues(value);
      value = around.build();
    }
    return value;
  }

  private static void assertBreaksInItsPlace(
      String reason, int failed, UnaryOperator<Invocation.Builder> change) throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      TestStub stub = host.stub("a");
      stub.call("1").callBehind("2", "3", change);
      assertThat(stub.outcome(2).getText()).isEqualTo("2");
      assertThat(stub.broken(reason).getFailedSequence()).isEqualTo(failed);
    }
  }

  @Test
  void deepJsonIsMalformed() throws Exception {
    assertBreaksInItsPlace("MALFORMED_ARGUMENT", 3, call -> call.setJson(json(TOO_DEEP)));
  }

  @Test
  void jsonThatIsNoneIsMalformed() throws Exception {
    assertBreaksInItsPlace(
        "MALFORMED_ARGUMENT",
        3,
        call ->
            call.clearArgument()
                .setUnknownFields(
                    lengthDelimited(
                        Invocation.JSON_FIELD_NUMBER, ByteString.copyFromUtf8("nonsense"))));
  }

  @Test
  void aDeepMessageIsMalformed() throws Exception {
    assertBreaksInItsPlace("MALFORMED_ARGUMENT", 3, call -> call.setMessage(groups(TOO_DEEP)));
  }

  @Test
  void deepMetadataBreaksItsInvocation() throws Exception {
    assertBreaksInItsPlace(
        "PROTOCOL_VIOLATION",
        3,
        call ->
            call.setUnknownFields(
                lengthDelimited(Invocation.METADATA_FIELD_NUMBER, groups(TOO_DEEP))));
  }

  @Test
  void metadataThatIsNotUtf8BreaksItsInvocation() throws Exception {
    ByteString key = ByteString.copyFrom(new byte[] {'\n', 1, (byte) 0xC0});
    assertBreaksInItsPlace(
        "PROTOCOL_VIOLATION",
        3,
        call -> call.setUnknownFields(lengthDelimited(Invocation.METADATA_FIELD_NUMBER, key)));
  }

  @Test
  void whatStandsBeforeADeepUnknownFieldRuns() throws Exception {
    UnknownFieldSet.Builder deep = UnknownFieldSet.newBuilder();
    for (int i = 0; i < TOO_DEEP; i++) {
      deep =
          UnknownFieldSet.newBuilder()
              .addField(99, UnknownFieldSet.Field.newBuilder().addGroup(deep.build()).build());
    }
    UnknownFieldSet field = deep.build();
    assertBreaksInItsPlace("PROTOCOL_VIOLATION", 0, call -> call.setUnknownFields(field));
  }

  @Test
  void whatIsJustNotTooDeepIsRead() throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      TestStub stub = host.stub("a");
      Words words = Words.newBuilder().setText("x").build();
      stub.call("", call -> call.setMessage(groups(100).concat(words.toByteString())));
      assertThat(stub.outcome(1).getText()).isEqualTo("x");
    }
  }
}
