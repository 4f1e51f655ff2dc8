package dev.seriatim.telemetry;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A page in Prometheus' text format, read as strictly as its definition allows: whatever isn't as
 * it says there is an error which names the line.
 */
final class Exposition {
  private static final Pattern COMMENT =
      Pattern.compile("# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)");

  private static final Pattern SAMPLE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? (\\S+)");

  private static final Pattern LABEL =
      Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\[\\\\\"n])*)\"(,|$)");

  /** One value. */
  record Sample(String name, Map<String, String> labels, double value) {}

  private final Map<String, String> types = new LinkedHashMap<>();
  private final Map<String, List<Sample>> samples = new LinkedHashMap<>();
  private final Set<String> seen = new HashSet<>();

  private Exposition() {}

  static Exposition parse(String text) {
    Exposition page = new Exposition();
    require(text.endsWith("\n"), "the end of the page isn't that of a line");
    String family = "";
    String helped = "";
    for (String line : text.substring(0, text.length() - 1).split("\n", -1)) {
      Matcher comment = COMMENT.matcher(line);
      if (comment.matches() && comment.group(1).equals("HELP")) {
        helped = comment.group(2);
        require(!page.types.containsKey(helped), "a second HELP: " + line);
      } else if (comment.matches()) {
        family = comment.group(2);
        require(helped.equals(family), "no HELP before: " + line);
        require(
            Set.of("counter", "gauge", "histogram").contains(comment.group(3)), "type: " + line);
        require(page.types.put(family, comment.group(3)) == null, "a second TYPE: " + line);
      } else {
        page.sample(family, line);
      }
    }
    page.checkHistograms();
    return page;
  }

  private void sample(String family, String line) {
    Matcher matcher = SAMPLE.matcher(line);
    require(matcher.matches(), "neither a comment nor a sample: " + line);
    String name = matcher.group(1);
    require(belongs(name, family), "not among those of " + family + ": " + line);
    Map<String, String> labels = labels(matcher.group(2) == null ? "" : matcher.group(2), line);
    String number = matcher.group(3);
    double value = number.equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(number);
    require(!"counter".equals(types.get(family)) || value >= 0, "below 0: " + line);
    require(seen.add(name + labels), "a second time: " + line);
    samples
        .computeIfAbsent(name, _ -> new java.util.ArrayList<>())
        .add(new Sample(name, labels, value));
  }

  private boolean belongs(String name, String family) {
    return switch (types.getOrDefault(family, "")) {
      case "counter" -> name.equals(family) && name.endsWith("_total");
      case "gauge" -> name.equals(family) && !name.endsWith("_total");
      case "histogram" ->
          Set.of(family + "_bucket", family + "_sum", family + "_count").contains(name);
      default -> false;
    };
  }

  private static Map<String, String> labels(String text, String line) {
    Map<String, String> labels = new TreeMap<>();
    Matcher label = LABEL.matcher(text);
    int end = 0;
    while (label.lookingAt()) {
      String value =
          label.group(2).replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
      require(labels.put(label.group(1), value) == null, "a label twice: " + line);
      end = label.end();
      label.region(end, text.length());
    }
    require(end == text.length(), "labels: " + line);
    return labels;
  }

  /** Buckets grow, the last of them has everything, and there are a sum and a count. */
  private void checkHistograms() {
    types.forEach(
        (family, type) -> {
          if (!type.equals("histogram")) {
            return;
          }
          Map<Map<String, String>, Sample> last = new HashMap<>();
          for (Sample bucket : of(family + "_bucket")) {
            Map<String, String> series = new TreeMap<>(bucket.labels());
            String bound = series.remove("le");
            require(bound != null, "a bucket without le: " + bucket);
            Sample before = last.put(series, bucket);
            require(
                before == null
                    || (bound(before) < bound(bucket) && before.value() <= bucket.value()),
                "not behind " + before + ": " + bucket);
          }
          require(of(family + "_sum").size() == last.size(), "sums of " + family);
          require(of(family + "_count").size() == last.size(), "counts of " + family);
          for (Sample count : of(family + "_count")) {
            Sample all = last.get(count.labels());
            require(
                all != null
                    && bound(all) == Double.POSITIVE_INFINITY
                    && all.value() == count.value(),
                "another count than in the last bucket: " + count);
          }
        });
  }

  private static double bound(Sample bucket) {
    String le = bucket.labels().get("le");
    return "+Inf".equals(le) ? Double.POSITIVE_INFINITY : Double.parseDouble(String.valueOf(le));
  }

  /** All of this name; none if there is no such. */
  List<Sample> of(String name) {
    return samples.getOrDefault(name, List.of());
  }

  /** The names of all samples. */
  Set<String> names() {
    return samples.keySet();
  }

  /** The one with these labels, and no others. */
  double value(String name, Map<String, String> labels) {
    return of(name).stream()
        .filter(sample -> sample.labels().equals(labels))
        .mapToDouble(Sample::value)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + name + labels + " in " + of(name)));
  }

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }
}
