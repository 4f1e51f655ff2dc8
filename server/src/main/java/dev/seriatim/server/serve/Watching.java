package dev.seriatim.server.serve;

import static java.util.Objects.requireNonNull;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostStatistics;
import dev.seriatim.service.MetricsProvider;
import dev.seriatim.service.MetricsProvider.Metrics;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server is watched from outside, as options of the command line. */
final class Watching {
  private static final String DEFAULT_ADDRESS = "127.0.0.1:7071";

  @Option(
      names = "--http",
      paramLabel = "HOST:PORT",
      arity = "0..1",
      fallbackValue = DEFAULT_ADDRESS,
      converter = AddressConverter.class,
      description =
          "Serve /livez, /readyz and /metrics over HTTP; port 0 picks a free one. Beyond loopback"
              + " only with --insecure=all. Without a value: "
              + DEFAULT_ADDRESS
              + ". Default: not at all")
  private @Nullable InetSocketAddress http;

  private @Nullable Metrics metrics;
  private @Nullable HttpPort port;
  private volatile @Nullable DurableObjectHost host;

  /**
   * Begins to keep metrics, if anyone wants them.
   *
   * @throws IllegalArgumentException if the options say what isn't allowed
   */
  void addTo(
      DurableObjectHost.Builder builder, CallerOptions callers, String version, String commit) {
    if (http != null && !callers.allowsOpenPages(http)) {
      throw new IllegalArgumentException(
          "--http "
              + http.getHostString()
              + ":"
              + http.getPort()
              + ": these pages ask nobody who they are, and are in plain text: expected a loopback"
              + " address such as "
              + DEFAULT_ADDRESS
              + ", or --insecure=all");
    }
    if (http == null && System.getenv("OTEL_METRICS_EXPORTER") == null) {
      return;
    }
    metrics =
        ServiceLoader.load(MetricsProvider.class)
            .findFirst()
            .map(
                found ->
                    found.begin(builder, () -> requireNonNull(host).statistics(), version, commit))
            .orElse(null);
  }

  /**
   * The host was started.
   *
   * @throws IOException if the pages can't be served; the host is closed then
   */
  void start(DurableObjectHost started) throws IOException {
    host = started;
    if (metrics != null) {
      metrics.started();
    }
    if (http == null) {
      return;
    }
    try {
      port = HttpPort.listen(http, () -> isReady(started), metrics);
    } catch (IOException e) {
      started.close();
      close();
      throw new IOException("", new IOException("--http " + http + ": " + e.getMessage(), e));
    }
  }

  /** Whether clients are to be sent here: one that drains tells them to go elsewhere. */
  private static boolean isReady(DurableObjectHost host) {
    HostStatistics now = host.statistics();
    return now.serving() && !now.draining();
  }

  /** Says where the pages are. */
  void tell(PrintWriter out) {
    if (http != null) {
      out.println("http on " + http.getHostString() + ":" + port());
    }
  }

  /** The port of the pages; -1 if there are none. */
  int port() {
    return port == null ? -1 : port.port();
  }

  /** The host has drained. */
  void close() {
    if (port != null) {
      port.close();
    }
    if (metrics != null) {
      metrics.close();
    }
  }
}
