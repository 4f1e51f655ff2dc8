package dev.seriatim.telemetry;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostStatistics;
import dev.seriatim.service.MetricsProvider.Metrics;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a host that was used says, and whether what is shipped beside it asks for that. */
final class HostMetricsTest {
  private static final Path OBSERVABILITY = Path.of("..", "docs", "observability");

  /** A comment, or a sample as Prometheus defines it. */
  private static final Pattern LINE =
      Pattern.compile(
          "# (HELP|TYPE|UNIT) [a-z_]+ .*|# EOF"
              + "|([a-z_]+)(\\{([a-z_]+=\"[^\"\\\\]*\",?)*\\})? -?[0-9.]+(E-?[0-9]+)?");

  private static final Pattern NAME = Pattern.compile("seriatim_[a-z_]+");

  /** Only with a store that has leases, or when an alarm has run. */
  private static final Set<String> NOT_HERE = Set.of("seriatim_lease_remaining_seconds");

  @TempDir Path directory;

  /** Stores what it is told. */
  private static CounterGrpc.CounterImplBase storing(
      dev.seriatim.service.DurableObjectState state) {
    return new CounterGrpc.CounterImplBase() {
      @Override
      public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
        CounterValue value = CounterValue.newBuilder().setValue(request.getAmount()).build();
        state.storage().put("n", value);
        reply.onNext(value);
        reply.onCompleted();
      }
    };
  }

  private interface Reading {
    void of(Metrics metrics) throws Exception;
  }

  /** Uses a host, and reads what it says then. */
  private void afterUse(Reading reading) throws Exception {
    AtomicReference<DurableObjectHost> started = new AtomicReference<>();
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), HostMetricsTest::storing)
            .storage(StorageOptions.sqlite(directory))
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    try (Metrics metrics =
            new OtelMetrics()
                .begin(builder, () -> requireNonNull(started.get()).statistics(), "1.2.3");
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
                  .increment(IncrementRequest.newBuilder().setAmount(1).build());
        }
        awaitTurns(host, 10);
        reading.of(metrics);
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private static void awaitTurns(DurableObjectHost host, long expected) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (turns(host.statistics()) != expected) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("never came: " + expected + " turns, " + host.statistics());
      }
      LockSupport.parkNanos(50_000);
    }
  }

  private static long turns(HostStatistics statistics) {
    return statistics.transportTurns() + statistics.otherTurns();
  }

  private static Set<String> names(String page) {
    Set<String> names = new HashSet<>();
    page.lines()
        .forEach(
            line -> {
              Matcher matcher = LINE.matcher(line);
              assertWithMessage("a line of the page: %s", line).that(matcher.matches()).isTrue();
              if (matcher.group(2) != null) {
                names.add(matcher.group(2));
              }
            });
    return names;
  }

  @Test
  void saysWhatWasUsedAsPrometheusText() throws Exception {
    afterUse(
        metrics -> {
          var page = metrics.page("");
          assertThat(page.contentType()).startsWith("text/plain; version=0.0.4");
          assertThat(page.text())
              .contains(
                  "seriatim_turns_total{method=\"Increment\",namespace=\"COUNTER\",result=\"ok\"}"
                      + " 10.0");
          assertThat(page.text()).contains("seriatim_stubs_open{namespace=\"COUNTER\"} 1.0");
          assertThat(page.text()).contains("version=\"1.2.3\"");
          assertThat(page.text()).contains("seriatim_gate_wait_seconds_bucket{le=\"1.0E-5\"}");
          assertThat(page.text()).doesNotContain("a-secret-name");
          assertThat(names(page.text()))
              .containsAtLeast("seriatim_connections", "seriatim_connections_limit");
        });
  }

  @Test
  void saysItAsOpenMetricsToWhoAcceptsThat() throws Exception {
    afterUse(
        metrics -> {
          var page = metrics.page("application/openmetrics-text; version=1.0.0");
          assertThat(page.contentType()).startsWith("application/openmetrics-text");
          assertThat(page.text()).endsWith("# EOF\n");
          assertThat(names(page.text())).contains("seriatim_turns_total");
        });
  }

  @Test
  void whatIsShippedAsksForWhatIsThere() throws Exception {
    afterUse(
        metrics -> {
          Set<String> there = names(metrics.page("").text());
          for (String file : new String[] {"grafana.json", "alerts.yaml"}) {
            Matcher asked = NAME.matcher(Files.readString(OBSERVABILITY.resolve(file)));
            int found = 0;
            while (asked.find()) {
              found++;
              String name = asked.group();
              if (!NOT_HERE.contains(name) && !name.startsWith("seriatim_alarm_lateness")) {
                assertWithMessage("what %s asks for", file).that(there).contains(name);
              }
            }
            assertThat(found).isAtLeast(8);
          }
        });
  }
}
