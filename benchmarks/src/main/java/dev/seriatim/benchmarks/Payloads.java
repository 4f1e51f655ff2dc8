package dev.seriatim.benchmarks;

/** Larger messages. */
final class Payloads implements Group {
  private static final int IN_FLIGHT = 256;

  @Override
  public String name() {
    return "payloads";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    HostProcess host = bench.host();
    for (int bytes : new int[] {1 << 10, 64 << 10}) {
      String size = ", %,d bytes".formatted(bytes);
      Load.Opener bare = BareLoads.stream(host.barePort(), bytes);
      Load.Opener direct = StubLoads.echo(host.memoryPort(), bytes, 1);
      Rounds bareRates = new Rounds();
      Rounds directRates = new Rounds();
      for (int round = 0; round < bench.rounds(); round++) {
        bareRates.add(bench.run(round, MemoryLoads.BARE_STREAM + size, bare, IN_FLIGHT).rate());
        directRates.add(bench.run(round, MemoryLoads.DIRECT + size, direct, IN_FLIGHT).rate());
      }
      bench
          .results()
          .add(
              Figure.of(
                  "%s%s, %,d in flight".formatted(MemoryLoads.DIRECT, size, IN_FLIGHT),
                  directRates,
                  "calls/s",
                  MemoryLoads.BARE_STREAM,
                  bareRates));
    }
  }
}
