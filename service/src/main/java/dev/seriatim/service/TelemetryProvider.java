package dev.seriatim.service;

/**
 * Has the server program's host tell somebody else what it does; how a jar on the class path brings
 * that to the program.
 *
 * <p>Providers are found with {@link java.util.ServiceLoader}, by {@code
 * META-INF/services/dev.seriatim.service.TelemetryProvider}. A provider has a public constructor
 * without parameters, and is called once, before the host is built.
 */
public interface TelemetryProvider {
  /**
   * Adds what it tells with, such as a {@link DurableObjectHost.Builder#tracer tracer}.
   *
   * @return what is closed when the host has drained, so that nothing gets lost that was not told
   *     yet; it must not take longer than a few seconds
   */
  AutoCloseable addTo(DurableObjectHost.Builder host);
}
