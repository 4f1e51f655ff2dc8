package dev.seriatim.conformance;

import dev.seriatim.conformance.v1.ClientProbeGrpc;
import dev.seriatim.conformance.v1.ProbeGrpc;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.DurableObjectState;
import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;

/** Adds the namespaces of the probe to a host: see {@code probe.proto}. */
public final class ProbeNamespaces implements DurableObjectProvider {
  private final ProbeWorld world = new ProbeWorld();

  /** For {@link java.util.ServiceLoader}. */
  public ProbeNamespaces() {}

  /** What the probes share. */
  ProbeWorld world() {
    return world;
  }

  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace(
        "PROBE", "seriatim-conformance-probe", ProbeGrpc.getServiceDescriptor(), this::probe);
    host.namespace(
        "PROBE_OTHER", "seriatim-conformance-other", ProbeGrpc.getServiceDescriptor(), this::probe);
    host.namespace("SAYER", ClientProbeGrpc.getServiceDescriptor(), Sayer::new);
    host.namespace(
        "PROBE_START_FAILS",
        "seriatim-conformance-no-start",
        ProbeGrpc.getServiceDescriptor(),
        this::failingProbe);
  }

  private BindableService probe(DurableObjectState state) {
    String id = state.id().toString();
    return new Observed(new Probe(world, state), new TurnObserver(world.evidence(id)));
  }

  /** A probe whose turns are observed, those of its alarm among them. */
  private record Observed(Probe probe, TurnObserver observer)
      implements BindableService, AlarmHandler {
    @Override
    public ServerServiceDefinition bindService() {
      return ServerInterceptors.intercept(probe, observer);
    }

    @Override
    public void alarm(DueAlarm alarm) {
      observer.observe(probe::runAlarm);
    }
  }

  private BindableService failingProbe(DurableObjectState state) {
    boolean first = world.isFirstStart(state.id().toString());
    String name = state.name().orElse("");
    if (name.contains("/once/") && !first) {
      return probe(state);
    }
    if (name.contains("/plain/")) {
      throw new IllegalStateException("the probe does not start");
    }
    throw Status.FAILED_PRECONDITION
        .withDescription("the probe does not start")
        .asRuntimeException();
  }
}
