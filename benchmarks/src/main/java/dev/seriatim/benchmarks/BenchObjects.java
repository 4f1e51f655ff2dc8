package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.CounterGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;

/** The namespaces of the benchmarks, for a server that is given their jar. */
public final class BenchObjects implements DurableObjectProvider {
  /** The counter's; the example has the name that it has elsewhere. */
  static final String COUNTER = "BENCH_COUNTER";

  /** For the {@link java.util.ServiceLoader}. */
  public BenchObjects() {}

  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace(BenchObject.NAMESPACE, BenchGrpc.getServiceDescriptor(), BenchObject::new);
    host.namespace(COUNTER, CounterGrpc.getServiceDescriptor(), Counter::new);
  }
}
