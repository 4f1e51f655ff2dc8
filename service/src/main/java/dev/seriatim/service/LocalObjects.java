package dev.seriatim.service;

import dev.seriatim.service.connect.ConnectService;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.util.concurrent.Executor;

/**
 * How the objects of one host call each other: a client and a server in the same process, with no
 * socket between them. Calls carry the chain of the objects that wait for them.
 */
final class LocalObjects implements AutoCloseable {
  private final Server server;
  private final ManagedChannel channel;
  private final DurableObjects client;

  /**
   * @param placement where the objects are that they call
   * @param executor where outcomes are received; it may be blocked there
   */
  LocalObjects(ObjectDirectory directory, Placement placement, Executor executor)
      throws IOException {
    String name = InProcessServerBuilder.generateName();
    server =
        InProcessServerBuilder.forName(name)
            .directExecutor() // It only enqueues.
            .addService(
                new ConnectService(
                    directory.namespaces(),
                    placement,
                    directory.limits(),
                    /* stubs= */ null,
                    /* authorization= */ null,
                    /* connections= */ null,
                    directory.counts()))
            .build()
            .start();
    channel = InProcessChannelBuilder.forName(name).executor(executor).build();
    client = DurableObjects.on(channel);
  }

  DurableObjects client() {
    return client;
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
  }
}
