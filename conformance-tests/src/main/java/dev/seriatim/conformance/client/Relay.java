package dev.seriatim.conformance.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stands on loopback before a server, and carries every connection through to it, until it is told
 * to cut them all. New ones are then carried again.
 */
final class Relay implements AutoCloseable {
  private final ServerSocket listening;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final AtomicLong left = new AtomicLong(Long.MAX_VALUE); // Bytes until the cut.
  private volatile int serverPort;
  private volatile boolean silent;

  Relay(int serverPort) throws IOException {
    this.serverPort = serverPort;
    listening = new ServerSocket();
    listening.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** Carries new connections to another server. */
  void carryTo(int port) {
    serverPort = port;
  }

  /** Lets no byte through any more, until the connections are cut. */
  void silence() {
    silent = true;
  }

  /** Cuts every connection when so many more bytes have gone to clients. */
  void cutAfter(int bytes) {
    left.set(bytes);
  }

  /** Cuts every connection that there is now. The peers see a reset, at once. */
  void cut() {
    silent = false;
    left.set(Long.MAX_VALUE);
    for (Socket socket : List.copyOf(sockets)) { // A client may be back before all are cut.
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
        Thread.ofVirtual().start(() -> carry(client, server, false));
        Thread.ofVirtual().start(() -> carry(server, client, true));
      } catch (IOException e) {
        close(client);
      }
    }
  }

  private void carry(Socket from, Socket to, boolean toClient) {
    try (from;
        to) {
      InputStream input = from.getInputStream();
      OutputStream output = to.getOutputStream();
      byte[] buffer = new byte[16 * 1024];
      for (int count = input.read(buffer); count >= 0; count = input.read(buffer)) {
        if (silent) {
          continue; // What is lost here is never made up for: a cut is all that can follow.
        }
        long rest = toClient ? left.addAndGet(-count) : 0;
        output.write(buffer, 0, rest < 0 ? Math.max(0, (int) (count + rest)) : count);
        if (rest < 0) {
          output.flush();
          cutGently();
          return;
        }
      }
    } catch (IOException e) {
      // Either end has gone, so the other goes too.
    } finally {
      sockets.remove(from);
      sockets.remove(to);
    }
  }

  /** Without a reset, so that what was let through arrives. */
  private void cutGently() {
    left.set(Long.MAX_VALUE);
    List.copyOf(sockets).forEach(this::close);
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
