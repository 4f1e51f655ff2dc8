package dev.seriatim.benchmarks;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Takes spans by OTLP over HTTP, and lets them go. */
final class TraceSink implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch came = new CountDownLatch(1);

  private TraceSink(HttpServer server) {
    this.server = server;
  }

  static TraceSink start() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    TraceSink sink = new TraceSink(server);
    server.setExecutor(sink.threads);
    server.createContext("/v1/traces", sink::take);
    server.start();
    return sink;
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] spans = exchange.getRequestBody().readAllBytes();
      exchange.sendResponseHeaders(200, -1);
      if (spans.length > 0) {
        came.countDown();
      }
    }
  }

  /** As {@code OTEL_EXPORTER_OTLP_ENDPOINT} wants it. */
  String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Waits until some have come: a run without them has measured nothing. */
  void awaitSpans() throws InterruptedException, TimeoutException {
    if (!came.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new TimeoutException("no span came within " + PATIENCE);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
