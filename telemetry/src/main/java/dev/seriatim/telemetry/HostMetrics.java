package dev.seriatim.telemetry;

import dev.seriatim.service.HostListener;
import dev.seriatim.service.HostStatistics;
import dev.seriatim.service.HostStatistics.OfNamespace;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableDoubleMeasurement;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * A host's metrics: what it counts is read when somebody asks, and what it tells of is recorded in
 * histograms. No attribute ever has an object's name. Safe for any number of threads.
 */
public final class HostMetrics implements HostListener {
  private static final AttributeKey<String> NAMESPACE = AttributeKey.stringKey("namespace");
  private static final AttributeKey<String> METHOD = AttributeKey.stringKey("method");
  private static final AttributeKey<String> RESULT = AttributeKey.stringKey("result");
  private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");
  private static final AttributeKey<String> STORE = AttributeKey.stringKey("store");
  private static final AttributeKey<String> WHERE = AttributeKey.stringKey("where");

  /** From what the shortest turns take to the longest that are allowed by default. */
  private static final List<Double> SECONDS =
      List.of(
          0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01,
          0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0);

  private static final List<Double> LATE_SECONDS =
      List.of(0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0);

  private static final List<Long> COUNTS =
      List.of(1L, 2L, 4L, 8L, 16L, 32L, 64L, 128L, 256L, 512L, 1_024L, 4_096L, 16_384L);

  private static final List<Long> BYTES =
      List.of(256L, 1_024L, 4_096L, 16_384L, 65_536L, 262_144L, 1L << 20, 1L << 22, 1L << 24);

  private final Meter meter;
  private final DoubleHistogram turn;
  private final DoubleHistogram queueWait;
  private final DoubleHistogram gateWait;
  private final DoubleHistogram commit;
  private final LongHistogram commitObjects;
  private final LongHistogram commitTurns;
  private final LongHistogram commitBytes;
  private final DoubleHistogram lateness;

  /** As many as there are methods: they are made once. */
  private final ConcurrentMap<String, ConcurrentMap<String, Attributes>> methods =
      new ConcurrentHashMap<>();

  /**
   * Instruments of this meter, of which those of what is counted have still to be {@link #read}.
   */
  public HostMetrics(Meter meter) {
    this.meter = meter;
    turn = seconds("seriatim.turn.duration", "How long turns took; a sample", SECONDS);
    queueWait =
        seconds("seriatim.queue.wait", "How long invocations waited for turns; a sample", SECONDS);
    gateWait =
        seconds("seriatim.gate.wait", "How long the oldest turn of a commit waited", SECONDS);
    commit = seconds("seriatim.commit.duration", "How long the store took for a commit", SECONDS);
    commitObjects = number("seriatim.commit.objects", "Objects of a commit", COUNTS);
    commitTurns = number("seriatim.commit.turns", "Turns of a commit", COUNTS);
    commitBytes = number("seriatim.commit.bytes", "Bytes of a commit", BYTES);
    lateness = seconds("seriatim.alarm.lateness", "How long after its time", LATE_SECONDS);
  }

  private DoubleHistogram seconds(String name, String description, List<Double> bounds) {
    return meter
        .histogramBuilder(name)
        .setUnit("s")
        .setDescription(description)
        .setExplicitBucketBoundariesAdvice(bounds)
        .build();
  }

  private LongHistogram number(String name, String description, List<Long> bounds) {
    return meter
        .histogramBuilder(name)
        .ofLongs()
        .setDescription(description)
        .setExplicitBucketBoundariesAdvice(bounds)
        .build();
  }

  // ---- what is told

  @Override
  public void turnEnded(TurnEvent event) {
    Attributes of =
        methods
            .computeIfAbsent(event.namespace(), _ -> new ConcurrentHashMap<>())
            .computeIfAbsent(
                event.method(),
                method -> Attributes.of(NAMESPACE, event.namespace(), METHOD, method));
    turn.record(inSeconds(event.took()), of);
    queueWait.record(inSeconds(event.queued()), of);
  }

  @Override
  public void committed(CommitEvent event) {
    Attributes of = Attributes.of(STORE, event.store());
    gateWait.record(inSeconds(event.waited()), of);
    commit.record(inSeconds(event.took()), of);
    commitObjects.record(event.objects(), of);
    commitTurns.record(event.turns(), of);
    commitBytes.record(event.bytes(), of);
  }

  @Override
  public void alarm(AlarmEvent event) {
    lateness.record(inSeconds(event.late()), Attributes.of(NAMESPACE, event.namespace()));
  }

  private static double inSeconds(Duration time) {
    return time.toNanos() / 1e9;
  }

  // ---- what is counted

  /**
   * Reads these from now on, whenever somebody asks.
   *
   * @param version of the program
   * @param commit what it was built from; empty if that isn't known
   */
  public void read(Supplier<HostStatistics> statistics, String version, String commit) {
    Attributes build =
        Attributes.of(
            AttributeKey.stringKey("version"),
            version,
            AttributeKey.stringKey("commit"),
            commit,
            AttributeKey.stringKey("jdk"),
            Runtime.version().toString());
    gauge("seriatim.build.info", "What runs", out -> out.record(1, build));
    counter(
        "seriatim.turns",
        "Turns that have ended",
        out ->
            each(
                statistics,
                (namespace, name) ->
                    namespace
                        .methods()
                        .forEach(
                            method ->
                                method
                                    .turns()
                                    .forEach(
                                        (result, count) ->
                                            out.record(
                                                count,
                                                Attributes.of(
                                                    NAMESPACE, namespace.name(),
                                                    METHOD, method.name(),
                                                    RESULT, lower(result)))))));
    counter(
        "seriatim.stubs.broken",
        "Stubs that were told that they are broken, were refused, or were lost; without a namespace"
            + " if none is known",
        out -> broken(statistics.get(), out));
    ofNamespace(statistics, "seriatim.stubs.open", "Open stubs", OfNamespace::stubsOpen);
    ofNamespace(statistics, "seriatim.objects.live", "Objects", OfNamespace::objectsLive);
    ofNamespace(statistics, "seriatim.instances.live", "Instances", OfNamespace::instancesLive);
    ofNamespace(statistics, "seriatim.turns.running", "Turns that run", OfNamespace::turnsRunning);
    gauge(
        "seriatim.alarms.set",
        "Alarms that are set, as of some seconds ago",
        out ->
            each(
                statistics,
                (namespace, name) ->
                    namespace.alarmsSet().ifPresent(alarms -> out.record(alarms, name))));
    counter(
        "seriatim.alarms.run",
        "Alarms that have run",
        out -> each(statistics, (namespace, name) -> out.record(namespace.alarmsRun(), name)));
    counter(
        "seriatim.alarms.dropped",
        "Alarms that have failed for the last time",
        out -> each(statistics, (namespace, name) -> out.record(namespace.alarmsDropped(), name)));
    counter(
        "seriatim.evictions",
        "Instances that were let go",
        out ->
            statistics
                .get()
                .evictions()
                .forEach(
                    (reason, count) -> out.record(count, Attributes.of(REASON, lower(reason)))));
    counter(
        "seriatim.transport.turns",
        "Turns by where they ran",
        out -> {
          HostStatistics now = statistics.get();
          out.record(now.transportTurns(), Attributes.of(WHERE, "transport"));
          out.record(now.otherTurns(), Attributes.of(WHERE, "carrier"));
        });
    for (HostStatistics.Amount amount : statistics.get().amounts()) {
      String name = "seriatim." + amount.name().replace('_', '.');
      gauge(name, "What is limited", out -> amount(statistics, amount.name(), out, false));
      gauge(name + ".limit", "Its limit", out -> amount(statistics, amount.name(), out, true));
    }
    ofHost(statistics, "seriatim.store.away", now -> now.store().away() ? 1 : 0);
    ofHost(statistics, "seriatim.slots.owned", now -> now.store().slotsOwned());
    ofHost(statistics, "seriatim.commits.in.doubt", now -> now.store().commitsInDoubt());
    ofHost(statistics, "seriatim.serving", now -> now.serving() ? 1 : 0);
    ofHost(statistics, "seriatim.draining", now -> now.draining() ? 1 : 0);
    var _ =
        meter
            .gaugeBuilder("seriatim.lease.remaining")
            .setUnit("s")
            .setDescription("How long the host is certain of its objects; absent without a lease")
            .buildWithCallback(out -> lease(statistics, out));
  }

  private static void lease(Supplier<HostStatistics> statistics, ObservableDoubleMeasurement out) {
    statistics.get().store().leaseLeft().ifPresent(left -> out.record(inSeconds(left)));
  }

  private static void broken(HostStatistics now, ObservableLongMeasurement out) {
    broken("", now.stubsRefused(), out);
    for (OfNamespace namespace : now.namespaces()) {
      broken(namespace.name(), namespace.stubsBroken(), out);
    }
  }

  private static void broken(
      String namespace, Map<String, Long> counts, ObservableLongMeasurement out) {
    counts.forEach(
        (reason, count) -> out.record(count, Attributes.of(NAMESPACE, namespace, REASON, reason)));
  }

  private static void amount(
      Supplier<HostStatistics> statistics,
      String name,
      ObservableLongMeasurement out,
      boolean limit) {
    for (HostStatistics.Amount amount : statistics.get().amounts()) {
      if (amount.name().equals(name)) {
        out.record(limit ? amount.limit() : amount.used());
      }
    }
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private static void each(
      Supplier<HostStatistics> statistics, BiConsumer<OfNamespace, Attributes> told) {
    for (OfNamespace namespace : statistics.get().namespaces()) {
      told.accept(namespace, Attributes.of(NAMESPACE, namespace.name()));
    }
  }

  private interface Figure<T> {
    long of(T what);
  }

  private interface Observation {
    void of(ObservableLongMeasurement out);
  }

  private void ofNamespace(
      Supplier<HostStatistics> statistics,
      String name,
      String description,
      Figure<OfNamespace> figure) {
    gauge(
        name,
        description,
        out ->
            each(
                statistics,
                (namespace, attributes) -> out.record(figure.of(namespace), attributes)));
  }

  private void ofHost(
      Supplier<HostStatistics> statistics, String name, Figure<HostStatistics> figure) {
    gauge(name, "Of the host", out -> out.record(figure.of(statistics.get())));
  }

  private void counter(String name, String description, Observation observation) {
    var _ =
        meter.counterBuilder(name).setDescription(description).buildWithCallback(observation::of);
  }

  private void gauge(String name, String description, Observation observation) {
    var _ =
        meter
            .gaugeBuilder(name)
            .ofLongs()
            .setDescription(description)
            .buildWithCallback(observation::of);
  }
}
