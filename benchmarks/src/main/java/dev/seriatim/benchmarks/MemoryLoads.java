package dev.seriatim.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The same calls without storage, made in each way: R1 to R3, and Seriatim in its own, with turns
 * on virtual threads and on the transport's.
 */
final class MemoryLoads {
  static final String BARE_STREAM = "bare stream";
  static final String BARE_UNARY = "bare unary";
  static final String DIRECT = "Seriatim, direct call";
  static final String FUTURE = "Seriatim, future stub";

  /** Behind the name of a load whose turns run where the bare references run: on the transport. */
  static final String ON_TRANSPORT = ", directExecutor()";

  private MemoryLoads() {}

  /** By their names, in the order of the table. */
  static Map<String, Load.Opener> of(HostProcess host, int bytes) {
    Map<String, Load.Opener> loads = new LinkedHashMap<>();
    loads.put(BARE_STREAM, BareLoads.stream(host.barePort(), bytes));
    loads.put(BARE_UNARY, BareLoads.unary(host.barePort(), bytes));
    loads.put(DIRECT, StubLoads.echo(host.memoryPort(), bytes, 1));
    loads.put(FUTURE, StubLoads.futureEcho(host.memoryPort(), bytes));
    loads.put(DIRECT + ON_TRANSPORT, StubLoads.echo(host.transportPort(), bytes, 1));
    loads.put(FUTURE + ON_TRANSPORT, StubLoads.futureEcho(host.transportPort(), bytes));
    return loads;
  }
}
