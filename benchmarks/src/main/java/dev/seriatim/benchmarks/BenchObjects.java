package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;

/** The namespace of the benchmarks, for a server that is given their jar. */
public final class BenchObjects implements DurableObjectProvider {
  /** For the {@link java.util.ServiceLoader}. */
  public BenchObjects() {}

  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace(BenchObject.NAMESPACE, BenchGrpc.getServiceDescriptor(), BenchObject::new);
  }
}
