package dev.seriatim.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/** The same calls without storage, made in each way: R1 to R3, and Seriatim in its own. */
final class MemoryLoads {
  static final String BARE_STREAM = "bare stream";
  static final String BARE_UNARY = "bare unary";
  static final String DIRECT = "Seriatim, direct call";
  static final String FUTURE = "Seriatim, future stub";

  private MemoryLoads() {}

  /** By their names, in the order of the table. */
  static Map<String, Load.Opener> of(HostProcess host, int bytes) {
    Map<String, Load.Opener> loads = new LinkedHashMap<>();
    loads.put(BARE_STREAM, BareLoads.stream(host.barePort(), bytes));
    loads.put(BARE_UNARY, BareLoads.unary(host.barePort(), bytes));
    loads.put(DIRECT, StubLoads.echo(host.memoryPort(), bytes, 1));
    loads.put(FUTURE, StubLoads.futureEcho(host.memoryPort(), bytes));
    return loads;
  }
}
