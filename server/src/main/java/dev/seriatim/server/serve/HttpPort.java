package dev.seriatim.server.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.seriatim.service.MetricsProvider.Metrics;
import dev.seriatim.service.MetricsProvider.Page;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pages for those who watch the server: {@code /livez}, {@code /readyz} and {@code /metrics}.
 * Few threads, and a bounded time for each request: who is slow, or comes with many, is cut off.
 */
final class HttpPort implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(HttpPort.class);

  private static final int THREADS = 2;
  private static final int MOST_WAITING = 64;
  private static final String PLAIN_TEXT = "text/plain; charset=utf-8";

  static {
    // What the JDK's server knows of limits, in seconds. Whoever has set them keeps them.
    limit("sun.net.httpserver.maxReqTime", "10");
    limit("sun.net.httpserver.maxRspTime", "30");
    limit("sun.net.httpserver.idleInterval", "30");
    limit("jdk.httpserver.maxConnections", "128");
  }

  private final HttpServer server;
  private final ExecutorService threads;
  private final BooleanSupplier isReady;
  private final @Nullable Metrics metrics;

  private HttpPort(HttpServer server, BooleanSupplier isReady, @Nullable Metrics metrics) {
    this.server = server;
    this.isReady = isReady;
    this.metrics = metrics;
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            30,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            Thread.ofPlatform().name("seriatim-http-", 0).daemon().factory());
    pool.allowCoreThreadTimeOut(true);
    this.threads = pool;
  }

  private static void limit(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /**
   * Listens from now on.
   *
   * @param isReady whether clients are to be sent to this server
   * @param metrics null if there are none
   */
  static HttpPort listen(
      InetSocketAddress address, BooleanSupplier isReady, @Nullable Metrics metrics)
      throws IOException {
    HttpPort port = new HttpPort(HttpServer.create(address, 0), isReady, metrics);
    port.server.setExecutor(port.threads);
    port.server.createContext("/", port::handle);
    port.server.start();
    return port;
  }

  int port() {
    return server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) {
    try (exchange) {
      answer(exchange);
    } catch (IOException e) {
      logger.debug("a reader of the HTTP port went away", e);
    } catch (RuntimeException | Error e) { // The others are to be answered all the same.
      logger.warn("a request to the HTTP port failed", e);
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    String method = exchange.getRequestMethod();
    if (!method.equals("GET") && !method.equals("HEAD")) {
      exchange.getResponseHeaders().set("Allow", "GET, HEAD");
      send(exchange, 405, PLAIN_TEXT, "method " + method + ", expected GET\n");
      return;
    }
    switch (exchange.getRequestURI().getPath()) {
      case "/livez" -> send(exchange, 200, PLAIN_TEXT, "ok\n");
      case "/readyz" -> {
        boolean ready = isReady.getAsBoolean();
        send(exchange, ready ? 200 : 503, PLAIN_TEXT, ready ? "ok\n" : "not serving\n");
      }
      case "/metrics" -> {
        if (metrics == null) {
          send(
              exchange,
              404,
              PLAIN_TEXT,
              "no metrics: the module seriatim-telemetry is not on the class path\n");
        } else {
          String accept = exchange.getRequestHeaders().getFirst("Accept");
          Page page = metrics.page(accept == null ? "" : accept);
          send(exchange, 200, page.contentType(), page.text());
        }
      }
      default ->
          send(exchange, 404, PLAIN_TEXT, "not found; there are /livez, /readyz and /metrics\n");
    }
  }

  private static void send(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  /** Stops at once. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
