package dev.seriatim.telemetry;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.service.MetricsProvider.Page;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.CollectionRegistration;
import io.opentelemetry.sdk.metrics.export.MetricReader;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what the SDK has as a page for Prometheus: its text, or OpenMetrics for who accepts that.
 * Safe for any number of threads.
 */
final class PrometheusReader implements MetricReader {
  private static final ExpositionFormatWriter TEXT = PrometheusTextFormatWriter.create();
  private static final ExpositionFormatWriter OPEN_METRICS = OpenMetricsTextFormatWriter.create();

  private volatile CollectionRegistration source = CollectionRegistration.noop();

  @Override
  public void register(CollectionRegistration registration) {
    source = registration;
  }

  @Override
  public AggregationTemporality getAggregationTemporality(InstrumentType type) {
    return AggregationTemporality.CUMULATIVE;
  }

  @Override
  public CompletableResultCode forceFlush() {
    return CompletableResultCode.ofSuccess();
  }

  @Override
  public CompletableResultCode shutdown() {
    return CompletableResultCode.ofSuccess();
  }

  Page page(String accept) {
    ExpositionFormatWriter writer = OPEN_METRICS.accepts(accept) ? OPEN_METRICS : TEXT;
    MetricSnapshots.Builder all = MetricSnapshots.builder();
    for (MetricData metric : source.collectAllMetrics()) {
      MetricSnapshot snapshot = snapshot(metric);
      if (snapshot != null) {
        all.metricSnapshot(snapshot);
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writer.write(out, all.build(), EscapingScheme.UNDERSCORE_ESCAPING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Page(writer.getContentType(), out.toString(UTF_8));
  }

  private static @Nullable MetricSnapshot snapshot(MetricData metric) {
    return switch (metric.getType()) {
      case LONG_SUM -> counter(metric);
      case LONG_GAUGE, DOUBLE_GAUGE -> gauge(metric);
      case HISTOGRAM -> histogram(metric);
      default -> null; // This module makes no others.
    };
  }

  private static String name(MetricData metric) {
    String name = metric.getName().replace('.', '_');
    return metric.getUnit().equals("s") ? name + "_seconds" : name;
  }

  private static MetricSnapshot counter(MetricData metric) {
    CounterSnapshot.Builder made =
        CounterSnapshot.builder().name(name(metric)).help(metric.getDescription());
    metric
        .getLongSumData()
        .getPoints()
        .forEach(
            point ->
                made.dataPoint(
                    CounterSnapshot.CounterDataPointSnapshot.builder()
                        .value((double) point.getValue())
                        .labels(labels(point.getAttributes()))
                        .build()));
    return made.build();
  }

  private static MetricSnapshot gauge(MetricData metric) {
    GaugeSnapshot.Builder made =
        GaugeSnapshot.builder().name(name(metric)).help(metric.getDescription());
    metric
        .getLongGaugeData()
        .getPoints()
        .forEach(point -> made.dataPoint(gauge((double) point.getValue(), point.getAttributes())));
    metric
        .getDoubleGaugeData()
        .getPoints()
        .forEach(point -> made.dataPoint(gauge(point.getValue(), point.getAttributes())));
    return made.build();
  }

  private static GaugeSnapshot.GaugeDataPointSnapshot gauge(double value, Attributes attributes) {
    return GaugeSnapshot.GaugeDataPointSnapshot.builder()
        .value(value)
        .labels(labels(attributes))
        .build();
  }

  private static MetricSnapshot histogram(MetricData metric) {
    HistogramSnapshot.Builder made =
        HistogramSnapshot.builder().name(name(metric)).help(metric.getDescription());
    for (HistogramPointData point : metric.getHistogramData().getPoints()) {
      List<Double> bounds = new ArrayList<>(point.getBoundaries());
      bounds.add(Double.POSITIVE_INFINITY);
      made.dataPoint(
          HistogramSnapshot.HistogramDataPointSnapshot.builder()
              .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, point.getCounts()))
              .sum(point.getSum())
              .labels(labels(point.getAttributes()))
              .build());
    }
    return made.build();
  }

  private static Labels labels(Attributes attributes) {
    Labels.Builder labels = Labels.builder();
    attributes.forEach((key, value) -> labels.label(key.getKey(), String.valueOf(value)));
    return labels.build();
  }
}
