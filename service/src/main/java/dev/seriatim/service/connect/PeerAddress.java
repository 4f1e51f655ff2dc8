package dev.seriatim.service.connect;

import com.google.common.net.HostAndPort;
import io.grpc.Attributes;
import io.grpc.Grpc;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Where a call comes from, for people. */
final class PeerAddress {
  private PeerAddress() {}

  /** Such as {@code 10.0.0.7:53211}; empty if it isn't known. */
  static String of(Attributes call) {
    SocketAddress address = call.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    if (address instanceof InetSocketAddress internet && internet.getAddress() != null) {
      return HostAndPort.fromParts(internet.getAddress().getHostAddress(), internet.getPort())
          .toString();
    }
    return address == null ? "" : address.toString();
  }
}
