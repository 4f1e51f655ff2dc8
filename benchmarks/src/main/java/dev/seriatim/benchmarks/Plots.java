package dev.seriatim.benchmarks;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws what was measured, into files of one directory. What it is held against is drawn dashed.
 */
final class Plots {
  private static final String IN_FLIGHT = "calls in flight";

  private static final Color INK = new Color(0x33, 0x33, 0x33);
  private static final Color GRID = new Color(0xe4, 0xe4, 0xe4);

  /** Told apart also by those who see few colours. */
  private static final Color[] COLORS = {
    new Color(0x00, 0x72, 0xb2),
    new Color(0xd5, 0x5e, 0x00),
    new Color(0x00, 0x9e, 0x73),
    new Color(0xcc, 0x79, 0xa7),
    new Color(0xe6, 0x9f, 0x00),
    new Color(0x56, 0xb4, 0xe9),
  };

  private static final Color[] REFERENCE_COLORS = {
    new Color(0x55, 0x55, 0x55), new Color(0x99, 0x99, 0x99), new Color(0xbb, 0xa0, 0x70),
  };

  private final Path directory;

  Plots(Path directory) {
    this.directory = directory;
  }

  /** Draws those plots that there are figures for. */
  void draw(Results results) throws IOException {
    draw(results.throughput(), "throughput.png", "Calls per second by calls in flight", IN_FLIGHT);
    draw(results.peers(), "peers.png", "The same counter in other systems", IN_FLIGHT);
    draw(results.byObjects(), "objects.png", "Calls per second by number of objects", "objects");
    draw(results.latencies());
  }

  private void draw(Curves curves, String file, String title, String x) throws IOException {
    if (curves.isEmpty()) {
      return;
    }
    XYChart chart = chart(title, x, "calls/s");
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    curves.forEach(
        (name, rounds) ->
            chart.addSeries(
                name,
                rounds.keySet().stream().map(Integer::doubleValue).toList(),
                rounds.values().stream().map(Rounds::median).toList()));
    save(chart, file, true);
  }

  private void draw(Map<String, Latency> latencies) throws IOException {
    if (latencies.isEmpty()) {
      return;
    }
    XYChart chart = chart("How long calls take, one at a time", "percentile", "µs");
    chart.getStyler().setYAxisLogarithmic(true);
    List<Integer> percents = IntStream.rangeClosed(1, 99).boxed().toList();
    List<Double> places = percents.stream().map(Integer::doubleValue).toList();
    latencies.forEach(
        (name, latency) ->
            chart.addSeries(
                name,
                places,
                percents.stream().map(percent -> latency.micros(percent).median()).toList()));
    save(chart, "latency.png", false);
  }

  private static XYChart chart(String title, String x, String y) {
    XYChart chart =
        new XYChartBuilder()
            .width(1200)
            .height(560)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .build();
    XYStyler styler = chart.getStyler();
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 14);
    styler
        .setChartBackgroundColor(Color.WHITE)
        .setChartFontColor(INK)
        .setChartTitleFont(font.deriveFont(Font.BOLD, 18f))
        .setChartPadding(16)
        .setLegendPosition(LegendPosition.OutsideE)
        .setLegendBorderColor(Color.WHITE)
        .setLegendFont(font)
        .setMarkerSize(8);
    styler.setPlotBorderVisible(false);
    styler.setPlotGridLinesColor(GRID).setPlotGridLinesStroke(new BasicStroke(1));
    styler.setAxisTitleFont(font).setAxisTickLabelsFont(font).setAxisTickMarksColor(GRID);
    styler.setXAxisDecimalPattern("#,###").setYAxisDecimalPattern("#,###");
    return chart;
  }

  private void save(XYChart chart, String file, boolean marked) throws IOException {
    int ours = 0;
    int references = 0;
    for (XYSeries series : chart.getSeriesMap().values()) {
      boolean reference = series.getName().contains("bare");
      Color color =
          reference
              ? REFERENCE_COLORS[references++ % REFERENCE_COLORS.length]
              : COLORS[ours++ % COLORS.length];
      series.setLineColor(color);
      series.setMarkerColor(color);
      series.setMarker(marked ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
      series.setLineStyle(
          reference
              ? new BasicStroke(
                  2,
                  BasicStroke.CAP_BUTT,
                  BasicStroke.JOIN_ROUND,
                  1,
                  new float[] {7, 5},
                  /* dash_phase= */ 0)
              : new BasicStroke(3, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    }
    BitmapEncoder.saveBitmap(
        chart, directory.resolve(file).toString(), BitmapEncoder.BitmapFormat.PNG);
  }
}
