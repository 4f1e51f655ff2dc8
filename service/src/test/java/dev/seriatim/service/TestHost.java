package dev.seriatim.service;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.Open;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;

/** A host of probes over the in-process transport, and a channel to it. */
public final class TestHost implements AutoCloseable {
  /** The one namespace. */
  public static final String PROBE = "PROBE";

  private final DurableObjectHost host;
  private final ManagedChannel channel;

  private TestHost(HostLimits limits, DurableObjectFactory factory, boolean direct)
      throws Exception {
    this(limits, StorageOptions.memory(), factory, direct);
  }

  private TestHost(
      HostLimits limits, StorageOptions storage, DurableObjectFactory factory, boolean direct)
      throws Exception {
    String name = InProcessServerBuilder.generateName();
    host =
        DurableObjectHost.builder()
            .namespace(PROBE, ProbeGrpc.getServiceDescriptor(), factory)
            .limits(limits)
            .storage(storage)
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start();
    InProcessChannelBuilder builder = InProcessChannelBuilder.forName(name);
    if (direct) {
      builder.directExecutor();
    }
    channel = builder.build();
  }

  /** A host with the default limits. */
  public static TestHost of(DurableObjectFactory factory) throws Exception {
    return new TestHost(HostLimits.defaults(), factory, /* direct= */ false);
  }

  /** A host that keeps its objects there. */
  public static TestHost storing(StorageOptions storage, DurableObjectFactory factory)
      throws Exception {
    return new TestHost(HostLimits.defaults(), storage, factory, /* direct= */ false);
  }

  /** A host with these limits. */
  public static TestHost of(HostLimits.Builder limits, DurableObjectFactory factory)
      throws Exception {
    return new TestHost(limits.build(), factory, /* direct= */ false);
  }

  /** A host whose clients receive on the very threads of the host. */
  public static TestHost direct(HostLimits.Builder limits, DurableObjectFactory factory)
      throws Exception {
    return new TestHost(limits.build(), factory, /* direct= */ true);
  }

  public DurableObjectHost host() {
    return host;
  }

  public ManagedChannel channel() {
    return channel;
  }

  /** A stub on the object of this name, whose client reads everything. */
  public TestStub stub(String name) {
    return new TestStub(channel, byName(name), Integer.MAX_VALUE);
  }

  /** A stub whose client reads the first frame, and then only what it asks for. */
  public TestStub unreadStub(String name) {
    return new TestStub(channel, byName(name), 1);
  }

  static Open byName(String name) {
    return Open.newBuilder().setNamespace(PROBE).setName(name).build();
  }

  @Override
  public void close() {
    channel.shutdownNow();
    host.close();
  }
}
