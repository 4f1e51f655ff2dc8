package dev.seriatim.service;

/**
 * Adds namespaces to a host; how a jar brings its objects to the server program.
 *
 * <p>Providers are found with {@link java.util.ServiceLoader}: a jar names its provider in {@code
 * META-INF/services/dev.seriatim.service.DurableObjectProvider}. A provider has a public
 * constructor without parameters, and is called once, before the host starts.
 */
public interface DurableObjectProvider {
  /** Adds this provider's namespaces to the host that is being built. */
  void addTo(DurableObjectHost.Builder host);
}
