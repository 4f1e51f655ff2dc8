package dev.seriatim.benchmarks;

import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes the figures down: as a table, as JSON, as plots. */
final class Report {
  private final Results results;
  private final String how;

  /**
   * A report.
   *
   * @param how how often and how long everything was measured
   */
  Report(Results results, String how) {
    this.results = results;
    this.how = how;
  }

  String markdown() {
    StringBuilder text = new StringBuilder();
    text.append("Measured on ")
        .append(LocalDate.now(ZoneOffset.UTC))
        .append(", ")
        .append(machine())
        .append(".\n");
    text.append("Medians, with the lowest and the highest in brackets, of ")
        .append(how)
        .append(".\n\n");
    text.append("| figure | value | beside | ratio | target | met |\n");
    text.append("| --- | ---: | ---: | ---: | --- | --- |\n");
    for (Figure f : results.figures()) {
      text.append(
          "| %s | %s %s (%s to %s) | %s | %s | %s | %s |%n"
              .formatted(
                  f.figure(),
                  number(f.value()),
                  f.unit(),
                  number(f.low()),
                  number(f.high()),
                  f.referenceValue() == null
                      ? ""
                      : f.reference() + ": " + number(f.referenceValue()),
                  f.ratio() == null ? "" : ratio(f.ratio()),
                  f.target(),
                  f.met() == null ? "" : f.met() ? "yes" : "**no**"));
    }
    if (!results.leftOut().isEmpty()) {
      text.append("\nLeft out, since it isn't installed or didn't build: ")
          .append(String.join(", ", results.leftOut()))
          .append(".\n");
    }
    return text.toString();
  }

  String json() {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure f : results.figures()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("figure", f.figure());
      row.put("value", f.value());
      row.put("unit", f.unit());
      row.put("reference", f.reference());
      row.put("ratio", f.ratio());
      row.put("target", f.target());
      row.put("met", f.met());
      rows.add(row);
    }
    return new GsonBuilder()
            .serializeNulls()
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .create()
            .toJson(rows)
        + "\n";
  }

  /** Writes all of it into a directory that is there. */
  void write(Path directory) throws IOException {
    Files.writeString(directory.resolve("results.md"), markdown());
    Files.writeString(directory.resolve("results.json"), json());
    new Plots(directory).draw(results);
  }

  /** Close to 1, a hundredth may be what is asked for. */
  private static String ratio(double ratio) {
    return String.format(Locale.ROOT, ratio > 0.9 && ratio < 1.1 ? "%.3f" : "%.2f", ratio);
  }

  private static String number(double value) {
    return value >= 1000
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, "%.1f", value);
  }

  private static String machine() {
    String model = System.getProperty("os.arch");
    try {
      model =
          Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
              .filter(line -> line.startsWith("model name"))
              .map(line -> line.substring(line.indexOf(':') + 2))
              .findFirst()
              .orElse(model);
    } catch (IOException e) {
      // Not Linux: the architecture will do.
    }
    return "%d cores shared by client and host (%s), %s %s, JDK %s"
        .formatted(
            Runtime.getRuntime().availableProcessors(),
            model,
            System.getProperty("os.name"),
            System.getProperty("os.version"),
            System.getProperty("java.vm.version"));
  }
}
