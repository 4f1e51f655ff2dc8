package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.MetricsProvider.Metrics;
import dev.seriatim.service.MetricsProvider.Page;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The pages for those who watch the server. */
final class HttpPortTest {
  private final AtomicBoolean ready = new AtomicBoolean(true);

  private HttpPort listen(@Nullable Metrics metrics) throws Exception {
    return HttpPort.listen(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), ready::get, metrics);
  }

  private static HttpResponse<String> send(HttpPort port, String method, String path)
      throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port.port() + path))
              .method(method, BodyPublishers.noBody())
              .header("Accept", "text/strange")
              .build(),
          BodyHandlers.ofString());
    }
  }

  @Test
  void saysThatItLivesAndWhetherItIsReady() throws Exception {
    try (HttpPort port = listen(null)) {
      assertThat(send(port, "GET", "/livez").statusCode()).isEqualTo(200);
      assertThat(send(port, "GET", "/readyz").statusCode()).isEqualTo(200);
      ready.set(false);
      assertThat(send(port, "GET", "/livez").statusCode()).isEqualTo(200);
      HttpResponse<String> response = send(port, "GET", "/readyz");
      assertThat(response.statusCode()).isEqualTo(503);
      assertThat(response.body()).isEqualTo("not serving\n");
    }
  }

  @Test
  void refusesWhatItHasNot() throws Exception {
    try (HttpPort port = listen(null)) {
      assertThat(send(port, "GET", "/metrics").statusCode()).isEqualTo(404);
      assertThat(send(port, "GET", "/metrics").body()).contains("seriatim-telemetry");
      assertThat(send(port, "GET", "/livez/x").statusCode()).isEqualTo(404);
      assertThat(send(port, "POST", "/livez").statusCode()).isEqualTo(405);
    }
  }

  @Test
  void passesOnThePageOfMetrics() throws Exception {
    Metrics metrics =
        new Metrics() {
          @Override
          public void started() {}

          @Override
          public Page page(String accept) {
            return new Page("text/strange", "for " + accept);
          }

          @Override
          public void close() {}
        };
    try (HttpPort port = listen(metrics)) {
      HttpResponse<String> response = send(port, "GET", "/metrics");
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(response.body()).isEqualTo("for text/strange");
      assertThat(response.headers().firstValue("Content-Type")).hasValue("text/strange");
    }
  }
}
