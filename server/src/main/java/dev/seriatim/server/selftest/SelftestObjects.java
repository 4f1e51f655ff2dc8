package dev.seriatim.server.selftest;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.DurableObjectState;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;

/** An object of a service that every server has anyway, which keeps what it was asked last. */
public final class SelftestObjects implements DurableObjectProvider {
  static final String NAMESPACE = "SELFTEST";
  private static final String LAST = "last";

  /** Made by the host. */
  public SelftestObjects() {}

  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace(NAMESPACE, HealthGrpc.getServiceDescriptor(), Remembering::new);
  }

  private static final class Remembering extends HealthGrpc.HealthImplBase {
    private final DurableObjectState state;

    Remembering(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void check(HealthCheckRequest request, StreamObserver<HealthCheckResponse> reply) {
      HealthCheckRequest last = state.storage().get(LAST, HealthCheckRequest.getDefaultInstance());
      state.storage().put(LAST, request);
      reply.onNext(
          HealthCheckResponse.newBuilder()
              .setStatusValue(last.getService().equals(request.getService()) ? 1 : 2)
              .build());
      reply.onCompleted();
    }
  }
}
