package dev.seriatim.conformance;

/** Every case over the in-process transport. */
final class InProcessConformanceTest extends ConformanceSuite {
  InProcessConformanceTest() {
    super(HostUnderTest.Transport.IN_PROCESS);
  }
}
