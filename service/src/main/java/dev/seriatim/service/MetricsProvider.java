package dev.seriatim.service;

import java.util.function.Supplier;

/**
 * Keeps the metrics of the server program's host; how a jar on the class path brings that to the
 * program.
 *
 * <p>Providers are found with {@link java.util.ServiceLoader}, by {@code
 * META-INF/services/dev.seriatim.service.MetricsProvider}. A provider has a public constructor
 * without parameters, and is called once, before the host is built.
 */
public interface MetricsProvider {
  /**
   * Begins to keep metrics.
   *
   * @param host whose listener it sets
   * @param statistics the host's, as soon as there is a host; never called before {@link
   *     Metrics#started}
   * @param version of the program
   * @param commit what it was built from; empty if that isn't known
   */
  Metrics begin(
      DurableObjectHost.Builder host,
      Supplier<HostStatistics> statistics,
      String version,
      String commit);

  /** The metrics of one host. */
  interface Metrics extends AutoCloseable {
    /** The host was built: its statistics can be read. */
    void started();

    /**
     * All metrics, as a page for Prometheus. Any thread.
     *
     * @param accept what the reader accepts, as its header says it; may be empty
     */
    Page page(String accept);

    /** Tells the last of it to whom it is sent, within a few seconds. */
    @Override
    void close();
  }

  /** A page. */
  record Page(String contentType, String text) {}
}
