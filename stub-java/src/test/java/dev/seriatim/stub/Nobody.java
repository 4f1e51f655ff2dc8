package dev.seriatim.stub;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;

/**
 * A port of the loopback interface at which nobody listens, until this is closed: one that was only
 * free a moment ago is soon somebody else's.
 */
final class Nobody implements AutoCloseable {
  private final Socket held = new Socket();

  Nobody() throws IOException {
    held.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  /** Where a client is refused. */
  String target() {
    return "127.0.0.1:" + held.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    held.close();
  }
}
