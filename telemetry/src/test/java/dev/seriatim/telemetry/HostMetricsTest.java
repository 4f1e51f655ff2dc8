package dev.seriatim.telemetry;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.HostStatistics;
import dev.seriatim.service.MetricsProvider.Metrics;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a host that was used says, and whether what is shipped beside it asks for that. */
final class HostMetricsTest {
  private static final Path OBSERVABILITY = Path.of("..", "docs", "observability");

  private static final Pattern NAME = Pattern.compile("seriatim_[a-z_]+");

  /** Only with a store that has leases. */
  private static final Set<String> NOT_HERE = Set.of("seriatim_lease_remaining_seconds");

  private static final Pattern EXPRESSION = Pattern.compile("expr: '([^']*)'");
  private static final Pattern SHOWN = Pattern.compile("\\{\\{([a-z]+)}}");

  @TempDir Path directory;

  /** Stores what it is told, and has an alarm that is due and one that isn't. */
  private static final class Storing extends CounterGrpc.CounterImplBase implements AlarmHandler {
    private final DurableObjectState state;

    Storing(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      CounterValue value = CounterValue.newBuilder().setValue(request.getAmount()).build();
      state.storage().put("n", value);
      if (request.getAmount() == 7) {
        state.storage().setAlarm(Instant.EPOCH);
      }
      reply.onNext(value);
      reply.onCompleted();
    }

    @Override
    public void alarm(DueAlarm alarm) {
      state.storage().setAlarm(Instant.parse("2999-01-01T00:00:00Z"));
    }
  }

  private interface Reading {
    void of(Metrics metrics) throws Exception;
  }

  private interface Use {
    void of(DurableObjects objects);
  }

  /** Uses a host, and reads what it says then. */
  private void afterUse(Reading reading) throws Exception {
    afterUse(_ -> {}, reading);
  }

  /** The same, and does this, too. */
  private void afterUse(Use more, Reading reading) throws Exception {
    AtomicReference<DurableObjectHost> started = new AtomicReference<>();
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), Storing::new)
            .storage(StorageOptions.sqlite(directory))
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    try (Metrics metrics =
            new OtelMetrics()
                .begin(
                    builder, () -> requireNonNull(started.get()).statistics(), "1.2.3", "abcdef");
        DurableObjectHost host = builder.build()) {
      started.set(host.start());
      metrics.started();
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
      try (DurableObjects objects = DurableObjects.on(channel);
          DurableObjectStub stub = objects.namespace("COUNTER").getByName("a-secret-name")) {
        for (int i = 0; i < 10; i++) {
          var _ =
              CounterGrpc.newBlockingStub(stub.channel())
                  .increment(IncrementRequest.newBuilder().setAmount(i).build());
        }
        more.of(objects);
        await(() -> turns(host.statistics()) == 10, "10 turns");
        await(() -> ofCounters(host).alarmsRun() == 1, "the run of an alarm");
        await(() -> ofCounters(host).alarmsSet().isPresent(), "how many alarms are set");
        reading.of(metrics);
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private static HostStatistics.OfNamespace ofCounters(DurableObjectHost host) {
    return host.statistics().namespaces().getFirst();
  }

  private static void await(BooleanSupplier condition, String what) {
    long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("never came: " + what);
      }
      LockSupport.parkNanos(50_000);
    }
  }

  private static long turns(HostStatistics statistics) {
    return statistics.transportTurns() + statistics.otherTurns();
  }

  @Test
  void saysWhatWasUsedAsPrometheusText() throws Exception {
    afterUse(
        metrics -> {
          var page = metrics.page("");
          assertThat(page.contentType()).startsWith("text/plain; version=0.0.4");
          assertThat(page.text()).doesNotContain("a-secret-name");
          Exposition read = Exposition.parse(page.text());
          Map<String, String> counters = Map.of("namespace", "COUNTER");
          assertThat(
                  read.value(
                      "seriatim_turns_total",
                      Map.of("namespace", "COUNTER", "method", "Increment", "result", "ok")))
              .isEqualTo(10);
          assertThat(read.value("seriatim_stubs_open", counters)).isEqualTo(1);
          // They may have been counted before there was one.
          assertThat(read.value("seriatim_alarms_set", counters)).isAtLeast(0);
          assertThat(read.value("seriatim_alarms_run_total", counters)).isEqualTo(1);
          assertThat(
                  read.value(
                      "seriatim_stubs_broken_total",
                      Map.of("namespace", "", "reason", "UNAUTHENTICATED")))
              .isEqualTo(0);
          assertThat(read.value("seriatim_commit_turns_count", Map.of("store", "sqlite")))
              .isGreaterThan(0.0);
          assertThat(read.of("seriatim_build_info").getFirst().labels())
              .containsEntry("version", "1.2.3");
          assertThat(read.of("seriatim_build_info").getFirst().labels())
              .containsEntry("commit", "abcdef");
          assertThat(read.value("seriatim_connections", Map.of())).isEqualTo(1);
          assertThat(read.value("seriatim_connections_limit", Map.of())).isGreaterThan(0.0);
        });
  }

  /** All series that there are, without what they say. */
  private static Set<String> series(Metrics metrics) {
    return metrics
        .page("")
        .text()
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.substring(0, line.lastIndexOf(' ')))
        .collect(Collectors.toSet());
  }

  /** Names that strangers choose must not fill the memory of whoever keeps the metrics. */
  @Test
  void whatClientsSayMakesNoSeries() throws Exception {
    Set<String> before = new HashSet<>();
    afterUse(metrics -> before.addAll(series(metrics)));
    afterUse(
        objects -> {
          for (int i = 0; i < 3; i++) {
            refused(objects, "COUNTER", "chosen-name-" + i, "UNKNOWN_METHOD");
            refused(objects, "CHOSEN_" + i, "a", "UNKNOWN_NAMESPACE");
          }
        },
        metrics -> {
          Exposition read = Exposition.parse(metrics.page("").text());
          assertThat(
                  read.value(
                      "seriatim_stubs_broken_total",
                      Map.of("namespace", "COUNTER", "reason", "UNKNOWN_METHOD")))
              .isEqualTo(3);
          assertThat(
                  read.value(
                      "seriatim_stubs_broken_total",
                      Map.of("namespace", "", "reason", "UNKNOWN_NAMESPACE")))
              .isEqualTo(3);
          assertThat(series(metrics)).isEqualTo(before);
        });
  }

  private static void refused(DurableObjects objects, String namespace, String name, String why) {
    try (DurableObjectStub stub = objects.namespace(namespace).getByName(name)) {
      StatusRuntimeException failure =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  JournalGrpc.newBlockingStub(stub.channel())
                      .append(AppendRequest.getDefaultInstance()));
      assertThat(CallFailure.of(failure).orElseThrow().reason()).isEqualTo(why);
    }
  }

  @Test
  void saysItAsOpenMetricsToWhoAcceptsThat() throws Exception {
    afterUse(
        metrics -> {
          var page = metrics.page("application/openmetrics-text; version=1.0.0");
          assertThat(page.contentType()).startsWith("application/openmetrics-text");
          assertThat(page.text()).endsWith("# EOF\n");
          assertThat(page.text()).contains("# TYPE seriatim_turns counter\n");
          assertThat(page.text()).contains("\nseriatim_turns_total{");
        });
  }

  /** The queries of a file, each with how its series are called there. */
  private static Map<String, String> queries(String file) throws IOException {
    String text = Files.readString(OBSERVABILITY.resolve(file));
    Map<String, String> queries = new LinkedHashMap<>();
    if (file.endsWith(".json")) {
      for (JsonElement panel :
          JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("panels")) {
        for (JsonElement target : panel.getAsJsonObject().getAsJsonArray("targets")) {
          JsonObject query = target.getAsJsonObject();
          queries.put(
              query.get("expr").getAsString(),
              query.has("legendFormat") ? query.get("legendFormat").getAsString() : "");
        }
      }
    } else {
      Matcher query = EXPRESSION.matcher(text);
      while (query.find()) {
        queries.put(query.group(1), "");
      }
    }
    // None was missed.
    long names = NAME.matcher(text).results().count();
    long inQueries =
        queries.keySet().stream().mapToLong(q -> NAME.matcher(q).results().count()).sum();
    assertWithMessage("names of metrics in the queries of %s", file)
        .that(inQueries)
        .isEqualTo(names);
    return queries;
  }

  @Test
  void whatIsShippedAsksForWhatIsThere() throws Exception {
    afterUse(
        metrics -> {
          Exposition page = Exposition.parse(metrics.page("").text());
          for (String file : new String[] {"grafana.json", "alerts.yaml"}) {
            Map<String, String> queries = queries(file);
            assertThat(queries.size()).isAtLeast(8);
            queries.forEach(
                (query, legend) -> {
                  Set<String> labels = PromQuery.check(page, NOT_HERE::contains, query);
                  Matcher shown = SHOWN.matcher(legend);
                  while (shown.find()) {
                    assertWithMessage("labels of %s, shown as %s", query, legend)
                        .that(labels)
                        .contains(shown.group(1));
                  }
                });
          }
        });
  }

  @Test
  void aBadQueryIsSeen() throws Exception {
    afterUse(
        metrics -> {
          Exposition page = Exposition.parse(metrics.page("").text());
          for (String bad :
              new String[] {
                "seriatim_nothing",
                "seriatim_turns_total",
                "rate(seriatim_stubs_open[5m])",
                "sum by (reason) (rate(seriatim_turns_total[5m]))",
                "rate(seriatim_stubs_broken_total{reason=\"NO_SUCH\"}[5m])",
                "histogram_quantile(0.5, sum by (method)"
                    + " (rate(seriatim_queue_wait_seconds_bucket[5m])))",
                "seriatim_draining >",
                "seriatim_draining == 1)",
              }) {
            assertThrows(
                AssertionError.class, () -> PromQuery.check(page, NOT_HERE::contains, bad), bad);
          }
        });
  }
}
