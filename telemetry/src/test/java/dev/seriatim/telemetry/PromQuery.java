package dev.seriatim.telemetry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a query of Prometheus' as far as what is shipped needs its language, and holds it to a
 * page: whether there is each series that it asks for, whether what it counts the rate of is
 * counted, and whether there is each label that it groups by.
 */
final class PromQuery {
  /** What Prometheus adds to each series. */
  private static final Set<String> ADDED = Set.of("instance", "job");

  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*([a-zA-Z_:][a-zA-Z0-9_:]*|[0-9]+(?:\\.[0-9]+)?(?![0-9a-z.])|[0-9]+[smhd]"
              + "|\"[^\"\\\\]*\"|>=|<=|==|!=|[-+*/<>=(){}\\[\\],])");

  private final Exposition page;
  private final Predicate<String> mayBeMissing;
  private final String query;
  private final List<String> tokens = new ArrayList<>();
  private int next;

  private PromQuery(Exposition page, Predicate<String> mayBeMissing, String query) {
    this.page = page;
    this.mayBeMissing = mayBeMissing;
    this.query = query;
    Matcher token = TOKEN.matcher(query.strip());
    while (token.lookingAt()) {
      tokens.add(token.group(1));
      token.region(token.end(), query.strip().length());
    }
    require(token.regionStart() == query.strip().length(), "a word that isn't known");
  }

  /**
   * Throws if the query isn't well, or asks for what the page hasn't.
   *
   * @return the labels of what comes out
   */
  static Set<String> check(Exposition page, Predicate<String> mayBeMissing, String query) {
    PromQuery reading = new PromQuery(page, mayBeMissing, query);
    Set<String> labels = reading.expression();
    reading.require(reading.next == reading.tokens.size(), "more behind the end");
    return labels;
  }

  /** Gives the labels of what comes out. */
  private Set<String> expression() {
    Set<String> labels = operand();
    while (Set.of("and", "or", "unless", ">", "<", ">=", "<=", "==", "!=", "*", "/", "+", "-")
        .contains(peek())) {
      next++;
      Set<String> others = operand();
      require(
          labels.isEmpty() || others.isEmpty() || labels.equals(others),
          "sides with other labels: " + labels + " and " + others);
      labels = labels.isEmpty() ? others : labels;
    }
    return labels;
  }

  private Set<String> operand() {
    String word = peek();
    if (word.equals("(")) {
      take("(");
      Set<String> labels = expression();
      take(")");
      return labels;
    }
    if (word.matches("[0-9.]+")) {
      next++;
      return Set.of();
    }
    return switch (word) {
      case "sum", "max", "min" -> aggregate();
      case "rate", "increase" -> rate();
      case "histogram_quantile" -> quantile();
      default -> gauge();
    };
  }

  private Set<String> aggregate() {
    next++;
    Set<String> by = new HashSet<>();
    if (peek().equals("by")) {
      take("by");
      take("(");
      do {
        by.add(word());
      } while (more());
    }
    take("(");
    Set<String> of = expression();
    take(")");
    for (String label : by) {
      require(of.contains(label) || ADDED.contains(label), "no label " + label + " in " + of);
    }
    return by;
  }

  private boolean more() {
    String separator = word();
    require(separator.equals(",") || separator.equals(")"), "'" + separator + "'");
    return separator.equals(",");
  }

  private Set<String> rate() {
    next++;
    take("(");
    String name = peek();
    require(
        name.matches(".*_(total|bucket|count|sum)"),
        "the rate of " + name + ", which isn't counted");
    Set<String> labels = selector();
    take("[");
    require(word().matches("[0-9]+[smhd]"), "no time");
    take("]");
    offset();
    take(")");
    return labels;
  }

  private void offset() {
    if (peek().equals("offset")) {
      next++;
      require(word().matches("[0-9]+[smhd]"), "no offset");
    }
  }

  private Set<String> quantile() {
    next++;
    take("(");
    double which = Double.parseDouble(word());
    require(which > 0 && which < 1, "quantile " + which);
    take(",");
    require(query.contains("_bucket"), "a quantile without buckets");
    Set<String> of = new HashSet<>(expression());
    require(of.remove("le"), "a quantile of what has no le");
    take(")");
    return of;
  }

  private Set<String> gauge() {
    String name = peek();
    require(!name.matches(".*_(total|bucket)"), name + " is counted, expected its rate");
    Set<String> labels = selector();
    offset();
    return labels;
  }

  /** The labels of those that are meant, of which there must be some. */
  private Set<String> selector() {
    String name = word();
    require(name.startsWith("seriatim_"), "'" + name + "' is no metric of a host");
    Map<String, String> wanted = new HashMap<>();
    if (peek().equals("{")) {
      take("{");
      do {
        String label = word();
        take("=");
        String value = word();
        wanted.put(label, value.substring(1, value.length() - 1));
      } while (!peek().equals("}") && word().equals(","));
      take("}");
    }
    Set<String> labels = new HashSet<>();
    boolean found = mayBeMissing.test(name);
    for (Exposition.Sample sample : page.of(name)) {
      if (sample.labels().entrySet().containsAll(wanted.entrySet())) {
        found = true;
        labels.addAll(sample.labels().keySet());
      }
    }
    require(found, "nothing is " + name + wanted);
    return labels;
  }

  private String peek() {
    return next < tokens.size() ? tokens.get(next) : "";
  }

  private String word() {
    require(next < tokens.size(), "ends too early");
    return tokens.get(next++);
  }

  private void take(String expected) {
    require(peek().equals(expected), "'" + peek() + "', expected '" + expected + "'");
    next++;
  }

  private void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise + " in the query: " + query);
    }
  }
}
