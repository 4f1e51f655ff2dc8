package dev.seriatim.conformance.faults;

import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Clients of each of some hosts, with a call for each stub and with shared calls. */
final class Clients implements AutoCloseable {
  private final List<DurableObjects> own = new ArrayList<>();
  private final List<DurableObjects> shared = new ArrayList<>();

  Clients(List<HostProcess> hosts) {
    for (HostProcess host : hosts) {
      own.add(connect(host, ClientOptions.builder()));
      shared.add(connect(host, ClientOptions.builder().sharedCalls(1)));
    }
  }

  private static DurableObjects connect(HostProcess host, ClientOptions.Builder options) {
    return DurableObjects.connect(
        host.target(),
        InsecureChannelCredentials.create(),
        options.openTimeout(Duration.ofSeconds(15)).build());
  }

  int hosts() {
    return own.size();
  }

  /** A namespace by way of the host with this index. */
  DurableObjectNamespace namespace(String name, int host, boolean onSharedCall) {
    return (onSharedCall ? shared : own).get(host).namespace(name);
  }

  @Override
  public void close() {
    own.forEach(DurableObjects::close);
    shared.forEach(DurableObjects::close);
  }
}
