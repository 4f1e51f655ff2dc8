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
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Writes the figures down: as a table, as JSON, as plots. */
final class Report {
  private Report() {}

  static String markdown(List<Figure> figures, String how) {
    StringBuilder text = new StringBuilder();
    text.append("Measured on ")
        .append(LocalDate.now(ZoneOffset.UTC))
        .append(", ")
        .append(machine())
        .append(".\n");
    text.append("Medians of ")
        .append(how)
        .append(", with the lowest and the highest in brackets.\n\n");
    text.append("| figure | value | beside | ratio | target | met |\n");
    text.append("| --- | ---: | ---: | ---: | --- | --- |\n");
    for (Figure f : figures) {
      text.append(
          "| %s | %s %s (%s to %s) | %s | %s | %s | %s |%n"
              .formatted(
                  f.figure(),
                  number(f.value()),
                  f.unit(),
                  number(f.low()),
                  number(f.high()),
                  f.reference().isEmpty() ? "" : f.reference() + ": " + number(f.referenceValue()),
                  f.reference().isEmpty() ? "" : String.format(Locale.ROOT, "%.2f", f.ratio()),
                  f.target(),
                  f.target().isEmpty() ? "" : f.met() ? "yes" : "**no**"));
    }
    return text.toString();
  }

  static String json(List<Figure> figures) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure f : figures) {
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
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(rows) + "\n";
  }

  static void write(
      Path directory,
      List<Figure> figures,
      String how,
      Map<String, Map<Integer, Rounds>> throughput,
      Map<String, ClosedLoop.Run> latencies,
      Map<String, Map<Integer, Rounds>> byObjects)
      throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("results.md"), markdown(figures, how));
    Files.writeString(directory.resolve("results.json"), json(figures));
    XYChart rates = chart("Calls per second by calls in flight", "calls in flight", "calls/s");
    rates.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    throughput.forEach(
        (name, rounds) ->
            rates.addSeries(
                name,
                rounds.keySet().stream().map(Integer::doubleValue).toList(),
                rounds.values().stream().map(Rounds::median).toList()));
    save(rates, directory.resolve("throughput.png"));
    XYChart latency = chart("Latency, one call at a time", "percentile", "µs");
    latencies.forEach(
        (name, run) -> {
          List<Double> percentiles = new ArrayList<>();
          List<Double> micros = new ArrayList<>();
          for (double p = 1; p <= 99; p++) {
            percentiles.add(p);
            micros.add(run.micros(p / 100));
          }
          latency.addSeries(name, percentiles, micros);
        });
    save(latency, directory.resolve("latency.png"));
    XYChart objects = chart("Calls per second by number of objects", "objects", "calls/s");
    objects.getStyler().setXAxisLogarithmic(true).setYAxisMin(0.0);
    byObjects.forEach(
        (name, rounds) ->
            objects.addSeries(
                name,
                rounds.keySet().stream().map(Integer::doubleValue).toList(),
                rounds.values().stream().map(Rounds::median).toList()));
    save(objects, directory.resolve("objects.png"));
  }

  private static XYChart chart(String title, String x, String y) {
    XYChart chart =
        new XYChartBuilder()
            .width(900)
            .height(520)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideS).setMarkerSize(6);
    return chart;
  }

  private static void save(XYChart chart, Path file) throws IOException {
    BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
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
