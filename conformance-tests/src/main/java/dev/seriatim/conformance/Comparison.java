package dev.seriatim.conformance;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.seriatim.conformance.v1.ExpectJournal;
import dev.seriatim.conformance.v1.ExpectedOutcome;
import dev.seriatim.conformance.v1.Marks;
import dev.seriatim.conformance.v1.ReadJournalResponse;
import dev.seriatim.v1.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Compares what came with what a case expects. Every refusal says both. */
final class Comparison {
  private static final Pattern RUN_OF_MARKS = Pattern.compile("(.*?)(\\d+)\\.\\.(.*?)(\\d+)");

  private Comparison() {}

  /** Checks one outcome; the variables of the expectation are expanded already. */
  static void check(ExpectedOutcome expected, Outcome actual) throws CaseFailure {
    String where = "outcome " + actual.getSequence();
    switch (expected.getResultCase()) {
      case RESULT_NOT_SET -> {}
      case JSON_TEXT -> {
        if (!Calls.json(expected.getJsonText()).equals(actual.getJson())) {
          throw new CaseFailure(
              "%s is {%s}, expected JSON %s"
                  .formatted(where, Text.oneLine(actual), Text.cut(expected.getJsonText())));
        }
      }
      default -> check(where, response(expected), actual.getMessage());
    }
  }

  /** Checks the bytes of a response. */
  static void check(String where, Message expected, com.google.protobuf.ByteString actual)
      throws CaseFailure {
    Message parsed;
    try {
      parsed = expected.getParserForType().parseFrom(actual);
    } catch (InvalidProtocolBufferException e) {
      throw new CaseFailure(
          "%s doesn't parse as %s: %s"
              .formatted(where, expected.getDescriptorForType().getFullName(), e.getMessage()));
    }
    check(where, expected, parsed);
  }

  /** Checks each field that is set in {@code expected}. */
  static void check(String where, Message expected, Message actual) throws CaseFailure {
    for (Map.Entry<FieldDescriptor, Object> field : expected.getAllFields().entrySet()) {
      FieldDescriptor descriptor = field.getKey();
      Object value = actual.getField(descriptor);
      if (descriptor.hasPresence() && !actual.hasField(descriptor)) {
        throw new CaseFailure(
            "%s has no %s, expected '%s'"
                .formatted(where, descriptor.getName(), shown(field.getValue())));
      }
      if (!value.equals(field.getValue())) {
        throw new CaseFailure(
            "%s has %s '%s', expected '%s'"
                .formatted(where, descriptor.getName(), shown(value), shown(field.getValue())));
      }
    }
  }

  /** The response that an expectation asks for. */
  static Message response(ExpectedOutcome expected) {
    return (Message)
        expected.getField(
            ExpectedOutcome.getDescriptor()
                .findFieldByNumber(expected.getResultCase().getNumber()));
  }

  /** Checks a journal. */
  static void check(ExpectJournal expected, ReadJournalResponse actual) throws CaseFailure {
    if (actual.getOverlaps() != 0) {
      throw new CaseFailure(
          "rule 2: %d times a turn began before the one before it was over"
              .formatted(actual.getOverlaps()));
    }
    if (expected.hasInstances() && expected.getInstances() != actual.getInstances()) {
      throw new CaseFailure(
          "there were %d instances, expected %d"
              .formatted(actual.getInstances(), expected.getInstances()));
    }
    List<String> marks = actual.getMarksList();
    if (expected.getMergedCount() > 0) {
      checkMerged(expected.getMergedList(), marks);
    } else if (!marks.equals(runs(expected.getMarksList()))) {
      throw new CaseFailure(
          "the journal is %s, expected %s".formatted(shown(marks), expected.getMarksList()));
    }
    for (var pair : expected.getBeforeList()) {
      int first = marks.indexOf(pair.getFirst());
      int then = marks.indexOf(pair.getThen());
      if (first < 0 || then < 0 || first > then) {
        throw new CaseFailure(
            "the journal has '%s' at %d and '%s' at %d, expected the first before the second"
                .formatted(pair.getFirst(), first, pair.getThen(), then));
      }
    }
  }

  private static void checkMerged(List<Marks> lists, List<String> marks) throws CaseFailure {
    Map<String, Deque<String>> owner = new HashMap<>();
    List<Deque<String>> rest = new ArrayList<>();
    for (Marks list : lists) {
      Deque<String> queue = new ArrayDeque<>(runs(list.getMarksList()));
      rest.add(queue);
      queue.forEach(mark -> owner.put(mark, queue));
    }
    for (String mark : marks) {
      Deque<String> queue = owner.get(mark);
      if (queue == null) {
        throw new CaseFailure("the journal has '" + mark + "', which was not expected");
      }
      String next = queue.poll();
      if (!mark.equals(next)) {
        throw new CaseFailure(
            "the journal has '%s' where '%s' was expected next of its list".formatted(mark, next));
      }
    }
    for (Deque<String> queue : rest) {
      if (!queue.isEmpty()) {
        throw new CaseFailure("the journal lacks '" + queue.peek() + "'");
      }
    }
  }

  /** The marks, with each {@code a1..a3} written out. */
  private static List<String> runs(List<String> marks) {
    List<String> all = new ArrayList<>();
    for (String mark : marks) {
      Matcher run = RUN_OF_MARKS.matcher(mark);
      if (run.matches() && run.group(1).equals(run.group(3))) {
        for (int i = Integer.parseInt(run.group(2)); i <= Integer.parseInt(run.group(4)); i++) {
          all.add(run.group(1) + i);
        }
      } else {
        all.add(mark);
      }
    }
    return all;
  }

  private static String shown(Object value) {
    return Text.cut(value instanceof Message message ? Text.oneLine(message) : value.toString());
  }
}
