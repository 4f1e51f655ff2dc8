package dev.seriatim.server.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A wire to a host, which can be cut. */
final class CutWire implements AutoCloseable {
  private final ServerSocket listening;
  private final int port;
  private final List<Socket> ends = new CopyOnWriteArrayList<>();

  private CutWire(ServerSocket listening, int port) {
    this.listening = listening;
    this.port = port;
  }

  static CutWire to(String target) throws IOException {
    int port = Integer.parseInt(target.substring(target.indexOf(':') + 1));
    CutWire wire = new CutWire(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()), port);
    var _ = Thread.ofVirtual().start(wire::accept);
    return wire;
  }

  String target() {
    return "localhost:" + listening.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        Socket host = new Socket(InetAddress.getLoopbackAddress(), port);
        ends.add(client);
        ends.add(host);
        var _ = Thread.ofVirtual().start(() -> pump(client, host));
        var _ = Thread.ofVirtual().start(() -> pump(host, client));
      }
    } catch (IOException e) {
      // It is cut.
    }
  }

  private static void pump(Socket from, Socket to) {
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      in.transferTo(out);
    } catch (IOException e) {
      // It is cut.
    }
  }

  void cut() {
    try {
      listening.close();
      for (Socket end : ends) {
        end.close();
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    cut();
  }
}
