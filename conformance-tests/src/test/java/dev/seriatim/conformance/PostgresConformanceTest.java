package dev.seriatim.conformance;

/**
 * Every case on a host whose objects are in PostgreSQL. Skipped where there are no programs of it.
 */
final class PostgresConformanceTest extends ConformanceSuite {
  PostgresConformanceTest() {
    super(HostUnderTest.Transport.LOOPBACK, HostUnderTest.Store.POSTGRESQL);
  }
}
