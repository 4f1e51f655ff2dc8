package dev.seriatim.cluster;

import dev.seriatim.service.DurableObjectHost;
import java.util.function.Consumer;

/** Two hosts: one that clients call, and one that has every object. */
public final class EdgeAndOwner implements AutoCloseable {
  private final TestCluster cluster = new TestCluster();
  private final TestCluster.Node edge;

  /** Starts both, and builds each as this says. */
  public EdgeAndOwner(
      Consumer<DurableObjectHost.Builder> ofEdge, Consumer<DurableObjectHost.Builder> ofOwner) {
    edge = cluster.start("edge", ofEdge);
    cluster.take(cluster.start("owner", ofOwner), TestCluster.allSlots());
  }

  /** The host that clients call. */
  public DurableObjectHost edge() {
    return edge.host();
  }

  @Override
  public void close() {
    cluster.close();
  }
}
