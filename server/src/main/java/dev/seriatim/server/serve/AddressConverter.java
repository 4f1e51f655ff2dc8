package dev.seriatim.server.serve;

import com.google.common.net.HostAndPort;
import java.net.InetSocketAddress;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code HOST:PORT}. */
final class AddressConverter implements ITypeConverter<InetSocketAddress> {
  @Override
  @SuppressWarnings("AddressSelection") // A server listens on the one address that it is told.
  public InetSocketAddress convert(String text) {
    try {
      HostAndPort parsed = HostAndPort.fromString(text);
      if (parsed.hasPort() && !parsed.getHost().isEmpty()) {
        InetSocketAddress address = new InetSocketAddress(parsed.getHost(), parsed.getPort());
        if (address.isUnresolved()) {
          throw new TypeConversionException("host '" + parsed.getHost() + "' can't be resolved");
        }
        return address;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new TypeConversionException("address '" + text + "', expected HOST:PORT");
  }
}
