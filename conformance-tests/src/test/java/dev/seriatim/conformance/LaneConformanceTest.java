package dev.seriatim.conformance;

/** Every case on lanes of one call, over the loopback interface. */
final class LaneConformanceTest extends ConformanceSuite {
  LaneConformanceTest() {
    super(HostUnderTest.Transport.LANES);
  }
}
