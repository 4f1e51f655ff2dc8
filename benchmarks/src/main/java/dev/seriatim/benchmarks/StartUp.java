package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import io.grpc.ManagedChannel;
import java.util.List;

/** From the start of a host's process to its first answer. */
final class StartUp implements Group {
  @Override
  public String name() {
    return "start-up";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Rounds millis = new Rounds();
    for (int round = 0; round < bench.rounds(); round++) {
      bench.progress(round, "start-up");
      long start = System.nanoTime();
      try (HostProcess host = HostProcess.start(bench.scratch(), List.of())) {
        ManagedChannel channel = Loads.connect(host.memoryPort());
        StubLoads.namespace(channel, BenchObject.NAMESPACE)
            .getByName("first")
            .call(BenchGrpc.getEchoMethod(), Loads.payload(Loads.SMALL))
            .get();
        millis.add((System.nanoTime() - start) / 1e6);
        channel.shutdownNow();
      }
    }
    bench.results().add(Figure.of("start-up to the first answer", millis, "ms"));
  }
}
