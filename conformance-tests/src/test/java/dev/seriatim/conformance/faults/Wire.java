package dev.seriatim.conformance.faults;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A piece of network that leads to a port of this machine, and can fail: be cut, drop what it is
 * given without a word, or be slow. Any thread may call it.
 */
final class Wire implements AutoCloseable {
  private static final int CHUNK = 64 << 10;

  private final ServerSocket listening;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  @GuardedBy("this")
  private int target;

  @GuardedBy("this")
  private boolean cut;

  @GuardedBy("this")
  private boolean silent;

  @GuardedBy("this")
  private Duration late = Duration.ZERO;

  Wire() {
    try {
      listening = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  String address() {
    return "127.0.0.1:" + port();
  }

  /** New connections lead there. */
  synchronized void leadTo(int port) {
    target = port;
  }

  /** Connections end, and new ones do at once. */
  void cut() {
    synchronized (this) {
      cut = true;
    }
    open.forEach(Wire::closeQuietly);
  }

  /** Connections stay, and nothing comes through, until it is mended. */
  synchronized void silence() {
    silent = true;
  }

  /** Everything comes through so much later. */
  synchronized void delay(Duration by) {
    late = by;
  }

  /** All is well again. What was held comes through. */
  synchronized void mend() {
    cut = false;
    silent = false;
    late = Duration.ZERO;
    notifyAll();
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket in = listening.accept();
        Thread.ofVirtual().start(() -> connect(in));
      } catch (IOException e) {
        // It is closed, or whoever connected has gone.
      }
    }
  }

  private void connect(Socket in) {
    open.add(in);
    try {
      int to;
      synchronized (this) {
        while (silent && !cut) {
          wait();
        }
        to = cut ? 0 : target;
      }
      if (to == 0) {
        end(in);
        return;
      }
      Socket out = new Socket(InetAddress.getLoopbackAddress(), to);
      open.add(out);
      in.setTcpNoDelay(true);
      out.setTcpNoDelay(true);
      Thread.ofVirtual().start(() -> pass(in, out));
      Thread.ofVirtual().start(() -> pass(out, in));
    } catch (IOException e) {
      end(in); // There is nobody.
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void pass(Socket from, Socket to) {
    byte[] bytes = new byte[CHUNK];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(bytes); read >= 0; read = in.read(bytes)) {
        travel();
        out.write(bytes, 0, read);
      }
      travel();
    } catch (IOException e) {
      // One of the two has ended it.
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      end(from);
      end(to);
    }
  }

  private void travel() throws InterruptedException {
    long millis;
    synchronized (this) {
      while (silent && !cut) {
        wait();
      }
      millis = late.toMillis();
    }
    if (millis > 0) {
      Thread.sleep(millis);
    }
  }

  private void end(Socket socket) {
    closeQuietly(socket);
    open.remove(socket);
  }

  private static void closeQuietly(Closeable socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no use any more in any case.
    }
  }

  @Override
  public void close() {
    closeQuietly(listening);
    mend();
    cut();
  }
}
