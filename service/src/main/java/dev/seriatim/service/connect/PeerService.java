package dev.seriatim.service.connect;

import dev.seriatim.peer.v1.PeerGrpc;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.wire.EncodedFrame;
import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import org.jspecify.annotations.Nullable;

/** The service {@code seriatim.peer.v1.Peer}: stubs that other hosts pass on to this one. */
public final class PeerService implements BindableService {
  /** What a peer shows: the token of the host that it calls. */
  public static final Metadata.Key<String> TOKEN =
      Metadata.Key.of("seriatim-peer", Metadata.ASCII_STRING_MARSHALLER);

  private final ConnectService stubs;
  private final PeerToken token;

  /**
   * Serves stubs of other hosts.
   *
   * @param placement opens those on objects that are here, and refuses the others
   * @param token what a peer must show
   */
  public PeerService(
      Namespaces namespaces,
      Placement placement,
      HostLimits limits,
      CountedStubs stubs,
      @Nullable Connections connections,
      String token) {
    this.stubs =
        new ConnectService(
            namespaces,
            placement,
            limits,
            stubs,
            /* authorization= */ null, // Their edges have asked.
            connections,
            /* counts= */ null, // Nor is it the client who is told.
            /* forHosts= */ true);
    this.token = new PeerToken(token);
  }

  /** Every stub has been told that the host shuts down. */
  public void drained() {
    stubs.drained();
  }

  @Override
  public ServerServiceDefinition bindService() {
    MethodDescriptor<ManyMessage, EncodedFrame> trunk =
        PeerGrpc.getTrunkMethod().toBuilder(
                stubs.manyMessages(/* fromHosts= */ true), EncodedFrame.MARSHALLER)
            .build();
    ServiceDescriptor service =
        ServiceDescriptor.newBuilder(PeerGrpc.SERVICE_NAME)
            .setSchemaDescriptor(PeerGrpc.getServiceDescriptor().getSchemaDescriptor())
            .addMethod(trunk)
            .build();
    ServerCallHandler<ManyMessage, EncodedFrame> handler =
        (call, headers) ->
            token.isShown(headers) ? new ManyCall(call, stubs) : PeerToken.refuse(call);
    return ServerServiceDefinition.builder(service).addMethod(trunk, handler).build();
  }
}
