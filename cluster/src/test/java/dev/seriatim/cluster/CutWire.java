package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A piece of network between two hosts, which can be cut: passes connections on to a port of this
 * machine.
 */
final class CutWire implements AutoCloseable {
  private final ServerSocket listening;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicLong answered = new AtomicLong();
  private volatile int target;
  private volatile boolean cut;

  @GuardedBy("this")
  private boolean silent;

  CutWire() {
    try {
      listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("cut-wire").start(this::accept);
  }

  String address() {
    return "127.0.0.1:" + listening.getLocalPort();
  }

  void leadTo(int port) {
    target = port;
  }

  /** Nothing goes through any more, and whoever uses it notices. */
  void cut() {
    cut = true;
    reset();
  }

  /** New connections go through again. */
  void mend() {
    cut = false;
  }

  /** Nothing goes through any more, and nobody notices: packets get lost. */
  synchronized void silence() {
    silent = true;
  }

  /** What waits goes through, and all that comes. */
  synchronized void speak() {
    silent = false;
    notifyAll();
  }

  private synchronized void awaitSpeech(Socket on) throws IOException {
    while (silent && !on.isClosed()) {
      try {
        wait(100); // Whoever closes a connection tells nobody.
      } catch (InterruptedException e) {
        throw new InterruptedIOException();
      }
    }
  }

  /** Ends the connections that there are. */
  void reset() {
    open.forEach(CutWire::closeQuietly);
  }

  /** How many bytes have come from the host that it leads to. */
  long answered() {
    return answered.get();
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket in = listening.accept();
        open.add(in);
        if (cut) {
          closeQuietly(in);
          continue;
        }
        Socket out = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(out);
        pass(in, out, new AtomicLong());
        pass(out, in, answered);
      } catch (IOException e) {
        // Closed, or the target is gone: whoever connected notices.
      }
    }
  }

  private void pass(Socket from, Socket to, AtomicLong passed) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                byte[] some = new byte[1 << 16];
                while (true) {
                  int count = from.getInputStream().read(some);
                  awaitSpeech(to);
                  if (count < 0) {
                    return;
                  }
                  to.getOutputStream().write(some, 0, count);
                  passed.addAndGet(count);
                }
              } catch (IOException e) {
                // It was cut.
              } finally {
                closeQuietly(from);
                closeQuietly(to);
                open.remove(from);
                open.remove(to);
              }
            });
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no use any more in any case.
    }
  }

  @Override
  public void close() {
    try {
      listening.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    reset();
  }
}
