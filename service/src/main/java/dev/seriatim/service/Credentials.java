package dev.seriatim.service;

import com.google.common.collect.ImmutableList;
import io.grpc.Metadata;
import java.net.SocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;

/**
 * What a call comes with that may tell who makes it.
 *
 * @param headers the call's headers; must not be changed
 * @param certificates the chain that the client has shown and the transport has verified, its own
 *     first; empty if there is none
 * @param remote where the connection comes from, if the transport knows
 */
public record Credentials(
    Metadata headers, List<X509Certificate> certificates, Optional<SocketAddress> remote) {
  /** Credentials. The list is copied. */
  public Credentials {
    certificates = ImmutableList.copyOf(certificates);
  }
}
