package dev.seriatim.conformance;

import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.Map;
import java.util.Set;

/** A host at an address, reached over TCP without TLS. */
final class RemoteTarget implements Target {
  private static final int LARGEST_FRAME = 64 << 20;

  private final String target;
  private final Set<String> features;
  private final boolean onLanes;
  private final Map<String, String> tokens;

  /**
   * @param target HOST:PORT
   * @param onLanes whether the stubs of a connection share one call
   * @param tokens those of its callers
   */
  RemoteTarget(String target, Set<String> features, boolean onLanes, Map<String, String> tokens) {
    this.onLanes = onLanes;
    this.tokens = Map.copyOf(tokens);
    this.target = target;
    this.features = Set.copyOf(features);
  }

  @Override
  public ManagedChannel connect() {
    ManagedChannel connection =
        NettyChannelBuilder.forTarget(target, InsecureChannelCredentials.create())
            .maxInboundMessageSize(LARGEST_FRAME)
            .build();
    return connection;
  }

  @Override
  public boolean onLanes() {
    return onLanes;
  }

  @Override
  public Map<String, String> tokens() {
    return tokens;
  }

  @Override
  public Set<String> features() {
    return features;
  }

  @Override
  public void drain() {
    throw new UnsupportedOperationException("a host at an address can't be told to drain");
  }

  @Override
  public void openGate(String gate) {
    throw new UnsupportedOperationException("a gate can't be opened from outside over an address");
  }
}
