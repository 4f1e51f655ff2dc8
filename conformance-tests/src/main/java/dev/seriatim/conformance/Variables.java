package dev.seriatim.conformance;

import com.google.protobuf.Any;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The variables of one run of one case: see {@code case.proto}. Owned by the thread of the run. */
final class Variables {
  private static final Pattern REFERENCE = Pattern.compile("\\$\\{([^}|]+)(?:\\|([a-z]+))?}");
  private static final String TIMES = "times:";

  private final String caseName;
  private final String run =
      HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong()).substring(0, 10);
  private final Map<String, String> values = new HashMap<>();

  Variables(String caseName) {
    this.caseName = caseName;
  }

  void set(String name, String value) {
    values.put(name, value);
  }

  /** The text with every reference replaced. */
  String expand(String text) throws CaseFailure {
    if (!text.contains("${")) {
      return text;
    }
    Matcher matcher = REFERENCE.matcher(text);
    StringBuilder expanded = new StringBuilder();
    while (matcher.find()) {
      matcher.appendReplacement(expanded, Matcher.quoteReplacement(value(matcher)));
    }
    return matcher.appendTail(expanded).toString();
  }

  /**
   * The message with every reference in a string of it replaced, at any depth, but not inside
   * {@link Any}.
   */
  @SuppressWarnings("unchecked")
  <M extends Message> M expand(M message) throws CaseFailure {
    if (message instanceof Any) {
      return message;
    }
    Message.Builder builder = message.toBuilder();
    for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
      FieldDescriptor descriptor = field.getKey();
      if (descriptor.getJavaType() != JavaType.STRING
          && descriptor.getJavaType() != JavaType.MESSAGE) {
        continue;
      }
      if (descriptor.isRepeated()) {
        List<Object> expanded = new ArrayList<>();
        for (Object element : (List<?>) field.getValue()) {
          expanded.add(expandValue(element));
        }
        builder.setField(descriptor, expanded);
      } else {
        builder.setField(descriptor, expandValue(field.getValue()));
      }
    }
    return (M) builder.build();
  }

  private Object expandValue(Object value) throws CaseFailure {
    if (value instanceof String text) {
      return expand(text);
    }
    return value instanceof Message message ? expand(message) : value;
  }

  private String value(MatchResult reference) throws CaseFailure {
    String value = value(reference.group(1));
    String filter = reference.group(2);
    return filter == null
        ? value
        : switch (filter) {
          case "upper" -> value.toUpperCase(Locale.ROOT);
          case "chop" -> value.substring(0, value.length() - 1);
          case "double" -> value + value;
          case "flip" -> value.substring(0, value.length() - 1) + (value.endsWith("0") ? '1' : '0');
          default -> throw new CaseFailure("the case names an unknown filter '" + filter + "'");
        };
  }

  private String value(String name) throws CaseFailure {
    if (name.startsWith(TIMES)) {
      int colon = name.indexOf(':', TIMES.length());
      return name.substring(colon + 1)
          .repeat(Integer.parseInt(name.substring(TIMES.length(), colon)));
    }
    if (!values.containsKey(name)) {
      if (name.contains(".")) {
        throw new CaseFailure("the case refers to ${" + name + "}, but has not captured it");
      }
      values.put(name, caseName + '/' + name + '/' + run);
    }
    return values.get(name);
  }
}
