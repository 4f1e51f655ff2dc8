package dev.seriatim.conformance.client;

import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;

/** Makes calls through one client library, and reports what its caller saw. */
interface Driver extends AutoCloseable {
  /**
   * Does one request; blocks until it is done.
   *
   * @throws DriverException if there is no report
   */
  DriverResponse run(DriverRequest request) throws DriverException, InterruptedException;

  @Override
  default void close() {}
}
