package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * How long a client takes to its first answer over a new connection: one that connects, and a
 * resumable stub that has lost its connection. Both through a {@link CutProxy}.
 */
final class Reconnections implements AutoCloseable {
  private static final long LIMIT_SECONDS = 30;

  private final CutProxy toBare;
  private final CutProxy toHost;

  Reconnections(HostProcess host) throws IOException {
    toBare = new CutProxy(host.barePort());
    toHost = new CutProxy(host.memoryPort());
  }

  @Override
  public void close() throws IOException {
    toBare.close();
    toHost.close();
  }

  /** Connects so often, and waits each time for one echo on a bare stream. */
  Run bare(int times) throws Exception {
    long[] nanos = new long[times];
    for (int i = 0; i < times; i++) {
      long start = System.nanoTime();
      ManagedChannel channel = Loads.connect(toBare.port());
      CompletableFuture<Payload> answer = new CompletableFuture<>();
      ClientCall<Payload, Payload> call =
          channel.newCall(BareGrpc.getStreamMethod(), CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onMessage(Payload message) {
              answer.complete(message);
            }
          },
          new Metadata());
      call.request(1);
      call.sendMessage(Loads.payload(Loads.SMALL));
      answer.get(LIMIT_SECONDS, TimeUnit.SECONDS);
      nanos[i] = System.nanoTime() - start;
      channel.shutdownNow();
      channel.awaitTermination(LIMIT_SECONDS, TimeUnit.SECONDS);
    }
    return new Run(0, nanos);
  }

  /** Cuts the connection of one stub so often, and waits each time for the next outcome. */
  Run resumable(int times) throws Exception {
    long[] nanos = new long[times];
    ManagedChannel channel = Loads.connect(toHost.port());
    try {
      DurableObjectStub stub =
          StubLoads.namespace(channel, BenchObject.NAMESPACE).resumable().getByName("cut");
      for (int i = 0; i < times; i++) {
        echo(stub);
        long start = System.nanoTime();
        toHost.cut();
        echo(stub);
        nanos[i] = System.nanoTime() - start;
      }
      stub.close();
    } finally {
      channel.shutdownNow();
      channel.awaitTermination(LIMIT_SECONDS, TimeUnit.SECONDS);
    }
    return new Run(0, nanos);
  }

  private static void echo(DurableObjectStub stub) throws Exception {
    stub.call(BenchGrpc.getEchoMethod(), Loads.payload(Loads.SMALL))
        .get(LIMIT_SECONDS, TimeUnit.SECONDS);
  }
}
