package dev.seriatim.server.serve;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.ServedNamespace;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.BindableService;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import java.util.List;

/** What the server says to who asks for its health: of itself, and of each of its services. */
final class ServerHealth {
  private final HealthStatusManager statuses = new HealthStatusManager();

  BindableService service() {
    return statuses.getHealthService();
  }

  /** Says from now on what becomes of the host. Who has no objects is no use to a client. */
  void follow(DurableObjectHost host, List<ServedNamespace> namespaces) {
    host.onServing(
        serving -> {
          ServingStatus status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
          statuses.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, status);
          statuses.setStatus(DurableObjectsGrpc.SERVICE_NAME, status);
          for (ServedNamespace namespace : namespaces) {
            statuses.setStatus(namespace.service().getName(), status);
          }
        });
  }

  /** Says that nothing is served any more, for good. */
  void end() {
    statuses.enterTerminalState();
  }
}
