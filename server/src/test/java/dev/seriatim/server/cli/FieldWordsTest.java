package dev.seriatim.server.cli;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.GetHostResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.TailRequest;
import org.junit.jupiter.api.Test;

/** Words of a command line, as fields of a message. */
final class FieldWordsTest {
  @Test
  void aValueIsJsonIfTheFieldTakesIt() throws Exception {
    assertThat(
            message(
                GetHostResponse.getDefaultInstance(),
                "slots=7",
                "serving=true",
                "stubs=18446744073709551615"))
        .isEqualTo("{\"serving\":true,\"stubs\":\"18446744073709551615\",\"slots\":7}");
    assertThat(message(ImportOptions.getDefaultInstance(), "if_exists=IF_EXISTS_SKIP"))
        .isEqualTo("{\"ifExists\":\"IF_EXISTS_SKIP\"}");
    assertThat(message(ImportOptions.getDefaultInstance(), "ifExists=2"))
        .isEqualTo("{\"ifExists\":\"IF_EXISTS_SKIP\"}");
  }

  @Test
  void aTextIsAText() throws Exception {
    for (String text : new String[] {"5", "null", "true", "[1]", "{\"a\":1}", "a=b", "", "x y"}) {
      assertThat(message(GetHostResponse.getDefaultInstance(), "host=" + text, "store=s"))
          .isEqualTo(
              "{\"host\":%s,\"store\":\"s\"}"
                  .replace("\"host\":%s,", text.isEmpty() ? "" : "\"host\":%s,")
                  .formatted(new com.google.gson.JsonPrimitive(text)));
    }
    assertThat(message(GetHostResponse.getDefaultInstance(), "host=\"5\""))
        .isEqualTo("{\"host\":\"5\"}");
  }

  @Test
  void timesAndDurationsNeedNoQuotes() throws Exception {
    assertThat(message(TailRequest.getDefaultInstance(), "slower_than=2.5s"))
        .isEqualTo("{\"slowerThan\":\"2.500s\"}");
    assertThat(message(EditEntriesRequest.getDefaultInstance(), "set_alarm=2026-01-31T12:00:00Z"))
        .isEqualTo("{\"setAlarm\":\"2026-01-31T12:00:00Z\"}");
  }

  @Test
  void aFieldOfAMessageAndAnEntryOfAMap() throws Exception {
    assertThat(
            message(
                EditEntriesRequest.getDefaultInstance(), "object.namespace=A", "object.name=b.c"))
        .isEqualTo("{\"object\":{\"namespace\":\"A\",\"name\":\"b.c\"}}");
    assertThat(message(GetHostResponse.getDefaultInstance(), "memory.a.b=5", "memory.value=6"))
        .isEqualTo("{\"memory\":{\"a.b\":\"5\",\"value\":\"6\"}}");
  }

  @Test
  void aFieldOfManyIsGivenSeveralTimesOrAsAList() throws Exception {
    assertThat(message(EditEntriesRequest.getDefaultInstance(), "deletes=a", "deletes=b"))
        .isEqualTo("{\"deletes\":[\"a\",\"b\"]}");
    assertThat(
            message(EditEntriesRequest.getDefaultInstance(), "deletes=[\"a\",\"b\"]", "deletes=c"))
        .isEqualTo("{\"deletes\":[\"a\",\"b\",\"c\"]}");
    assertThat(
            message(
                EditEntriesRequest.getDefaultInstance(), "puts={\"key\":\"k\",\"value\":\"YQ==\"}"))
        .isEqualTo("{\"puts\":[{\"key\":\"k\",\"value\":\"YQ==\"}]}");
  }

  @Test
  void whatIsForcedToBeJsonIsJson() throws Exception {
    assertThat(message(EditEntriesRequest.getDefaultInstance(), "object:={\"namespace\":\"A\"}"))
        .isEqualTo("{\"object\":{\"namespace\":\"A\"}}");
    assertThat(refusal(GetHostResponse.getDefaultInstance(), "host:=x")).contains("expected JSON");
    assertThat(refusal(GetHostResponse.getDefaultInstance(), "host:={}"))
        .contains("expected string");
  }

  @Test
  void wordsChangeTheJsonThatTheyStandBehind() throws Exception {
    FieldWords words = new FieldWords(EditEntriesRequest.getDescriptor(), JsonFormat.parser());
    words.beginWith(
        JsonParser.parseString(
                "{\"object\":{\"namespace\":\"A\"},\"deletes\":[\"x\"],\"set_alarm\":null}")
            .getAsJsonObject());
    words.add("object.name=n");
    words.add("deletes=y");
    words.add("setAlarm=2026-01-31T12:00:00Z");
    assertThat(text(words.build()))
        .isEqualTo(
            "{\"object\":{\"namespace\":\"A\",\"name\":\"n\"},\"deletes\":[\"y\"],"
                + "\"setAlarm\":\"2026-01-31T12:00:00Z\"}");
  }

  @Test
  void whatIsWrongIsSaidWithTheFieldAndWhatWasExpected() {
    GetHostResponse host = GetHostResponse.getDefaultInstance();
    assertThat(refusal(host, "slot=1")).contains("has no field 'slot', expected one of [version,");
    assertThat(refusal(host, "slots=x")).contains("'slots': 'x', expected uint32");
    assertThat(refusal(host, "slots=-1")).contains("expected uint32");
    assertThat(refusal(host, "slots=1", "slots=2")).contains("'slots' is there twice");
    assertThat(refusal(host, "slots")).contains("'slots', expected field=value");
    assertThat(refusal(host, "=1")).contains("expected field=value");
    assertThat(refusal(host, "slots.x=1")).contains("slots is uint32, expected a message");
    assertThat(refusal(ImportOptions.getDefaultInstance(), "if_exists=NO"))
        .contains("expected IF_EXISTS_UNSPECIFIED|IF_EXISTS_FAIL|IF_EXISTS_SKIP|IF_EXISTS_REPLACE");
    assertThat(refusal(EditEntriesRequest.getDefaultInstance(), "set_alarm=tomorrow"))
        .contains("expected time such as");
    assertThat(
            refusal(
                EditEntriesRequest.getDefaultInstance(),
                "set_alarm=2026-01-31T12:00:00Z",
                "delete_alarm=true"))
        .contains("EditEntriesRequest: ");
  }

  private static String refusal(Message of, String... words) {
    return assertThrows(CommandFailure.class, () -> message(of, words)).getMessage();
  }

  private static String message(Message of, String... words) throws Exception {
    FieldWords fields = new FieldWords(of.getDescriptorForType(), JsonFormat.parser());
    for (String word : words) {
      fields.add(word);
    }
    return JsonValues.plain(text(fields.build()));
  }

  private static String text(Message message) throws Exception {
    return JsonFormat.printer().omittingInsignificantWhitespace().print(message);
  }
}
