package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.examples.Examples;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Objects that were used once cost the host no memory, however many there are. {@code
 * -Dmany.objects=N} makes more of them.
 */
final class ManyObjectsTest {
  private static final int OBJECTS = Integer.getInteger("many.objects", 60_000);
  private static final int MAX_INSTANCES = 1_000;
  private static final int AT_ONCE = 64;

  @TempDir Path directory;

  @Test
  void objectsThatWereUsedOnceAreForgotten() throws Exception {
    String name = InProcessServerBuilder.generateName();
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .limits(HostLimits.builder().maxInstances(MAX_INSTANCES).build())
            .storage(StorageOptions.sqlite(directory))
            .server(InProcessServerBuilder.forName(name));
    new Examples().addTo(builder);
    DurableObjectHost host = builder.build().start();
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    try {
      DurableObjectNamespace counters = DurableObjects.on(channel).namespace("COUNTER");
      makeObjects(counters, "warm-up", OBJECTS / 10);
      long before = usedHeap();
      makeObjects(counters, "object", OBJECTS);
      long grown = usedHeap() - before;

      System.out.printf("many objects: %,d more objects, %,d more bytes%n", OBJECTS, grown);
      assertWithMessage("bytes of heap that %s objects left behind", OBJECTS)
          .that(grown)
          .isLessThan(OBJECTS * 250L);
    } finally {
      channel.shutdownNow();
      host.close();
    }
  }

  private static void makeObjects(DurableObjectNamespace counters, String name, int count)
      throws InterruptedException {
    Semaphore room = new Semaphore(AT_ONCE);
    Semaphore answered = new Semaphore(0);
    IncrementRequest one = IncrementRequest.newBuilder().setAmount(1).build();
    for (int i = 0; i < count; i++) {
      room.acquire();
      DurableObjectStub stub = counters.getByName(name + "-" + i);
      stub.call(CounterGrpc.getIncrementMethod(), one)
          .addListener(
              () -> {
                answered.release();
                room.release();
              },
              MoreExecutors.directExecutor());
      stub.close();
    }
    assertWithMessage("%s calls had ended within 300 s", count)
        .that(answered.tryAcquire(count, 300, TimeUnit.SECONDS))
        .isTrue();
  }

  private static long usedHeap() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      System.gc();
      least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
    return least;
  }
}
