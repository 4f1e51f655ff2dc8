package dev.seriatim.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Carries connections to a port, until it is told to cut them. */
final class CutProxy implements AutoCloseable {
  private static final int BACKLOG = 50;
  private static final int BUFFER = 1 << 16;

  private final ServerSocket listening;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  CutProxy(int target) throws IOException {
    this.target = target;
    this.listening = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
    Thread.ofPlatform().daemon().name("cut-proxy").start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** Ends all connections that there are. */
  void cut() {
    open.forEach(this::end);
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = opened(listening.accept());
        Socket host = opened(new Socket(InetAddress.getLoopbackAddress(), target));
        carry(client, host);
        carry(host, client);
      } catch (IOException e) {
        // Closed, or cut while it began.
      }
    }
  }

  private Socket opened(Socket socket) throws IOException {
    socket.setTcpNoDelay(true);
    open.add(socket);
    return socket;
  }

  private void carry(Socket from, Socket to) {
    Thread.ofPlatform()
        .daemon()
        .name("cut-proxy")
        .start(
            () -> {
              try (InputStream in = from.getInputStream();
                  OutputStream out = to.getOutputStream()) {
                byte[] buffer = new byte[BUFFER];
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                  out.write(buffer, 0, n);
                }
              } catch (IOException e) {
                // Cut.
              }
              end(from);
              end(to);
            });
  }

  private void end(Socket socket) {
    open.remove(socket);
    try {
      socket.close();
    } catch (IOException e) {
      // It is ended all the same.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
