package dev.seriatim.service;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import io.grpc.stub.StreamObserver;

/** An object that stores what it is told. Its code is loaded more than once. */
public final class ReplacedProbe extends ProbeGrpc.ProbeImplBase {
  private final DurableObjectState state;

  private ReplacedProbe(DurableObjectState state) {
    this.state = state;
  }

  /** Brings the object to a host. */
  public static final class Provider implements DurableObjectProvider {
    /** Made by whoever has loaded it. */
    public Provider() {}

    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), ReplacedProbe::new);
    }
  }

  @Override
  public void do_(Words request, StreamObserver<Words> reply) {
    Words before = state.storage().get("words", Words.getDefaultInstance());
    state.storage().put("words", request);
    reply.onNext(before);
    reply.onCompleted();
  }
}
