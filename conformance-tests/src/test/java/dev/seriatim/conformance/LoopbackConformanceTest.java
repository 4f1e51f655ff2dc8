package dev.seriatim.conformance;

/** Every case over the loopback interface, with real connections. */
final class LoopbackConformanceTest extends ConformanceSuite {
  LoopbackConformanceTest() {
    super(HostUnderTest.Transport.LOOPBACK);
  }
}
