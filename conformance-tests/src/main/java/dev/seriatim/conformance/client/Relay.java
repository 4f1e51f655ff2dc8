package dev.seriatim.conformance.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Stands on loopback before a server, and carries every connection through to it, until it is told
 * to cut them all. New ones are then carried again.
 */
final class Relay implements AutoCloseable {
  private final ServerSocket listening;
  private final int serverPort;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  Relay(int serverPort) throws IOException {
    this.serverPort = serverPort;
    listening = new ServerSocket();
    listening.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** Cuts every connection that there is now. The peers see a reset, at once. */
  void cut() {
    for (Socket socket : sockets) {
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException e) {
        // It is closed, which is as well.
      }
      close(socket);
    }
  }

  @Override
  public void close() {
    try {
      listening.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cut();
  }

  private void accept() {
    while (true) {
      Socket client;
      try {
        client = listening.accept();
      } catch (IOException e) {
        return; // Closed.
      }
      try {
        Socket server = new Socket(InetAddress.getLoopbackAddress(), serverPort);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        sockets.add(client);
        sockets.add(server);
        Thread.ofVirtual().start(() -> carry(client, server));
        Thread.ofVirtual().start(() -> carry(server, client));
      } catch (IOException e) {
        close(client);
      }
    }
  }

  private void carry(Socket from, Socket to) {
    try (from;
        to) {
      InputStream input = from.getInputStream();
      OutputStream output = to.getOutputStream();
      input.transferTo(output);
    } catch (IOException e) {
      // Either end has gone, so the other goes too.
    } finally {
      sockets.remove(from);
      sockets.remove(to);
    }
  }

  private void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // There is nothing to be done for it.
    }
    sockets.remove(socket);
  }
}
