package dev.seriatim.benchmarks;

/** What streams, stubs and objects hold of the host's heap while they are idle. */
final class Heap implements Group {
  @Override
  public String name() {
    return "heap";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Rounds streams = new Rounds();
    Rounds stubs = new Rounds();
    Rounds lanes = new Rounds();
    Rounds both = new Rounds();
    try (IdleHeap heap = new IdleHeap(bench.host())) {
      for (int round = 0; round < bench.rounds(); round++) {
        bench.progress(round, "heap of %,d idle streams".formatted(IdleHeap.IDLE));
        streams.add(heap.ofStream());
        bench.progress(round, "heap of %,d idle stubs on one object".formatted(IdleHeap.IDLE));
        String one = "idle-" + round;
        stubs.add(heap.ofStub(i -> one, /* sharedCalls= */ 0));
        bench.progress(round, "heap of %,d idle stubs on one shared call".formatted(IdleHeap.IDLE));
        lanes.add(heap.ofStub(i -> one, /* sharedCalls= */ 1));
        bench.progress(
            round, "heap of %,d idle objects, with a stub each".formatted(IdleHeap.IDLE));
        both.add(heap.ofStub(i -> one + "-" + i, /* sharedCalls= */ 0));
      }
    }
    Results results = bench.results();
    results.add(
        Figure.of("idle stub's heap on the host", stubs, "bytes", "idle bare stream", streams)
            .atMost(1.5));
    results.add(
        Figure.of("idle stub's heap on the host, on a shared call", lanes, "bytes").atMost(500));
    results.add(Figure.of("idle object's heap", both.minus(stubs), "bytes").atMost(1024));
  }
}
