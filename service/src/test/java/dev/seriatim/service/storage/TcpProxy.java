package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Stands between a host and its database, and can go silent, as a network does that drops packets:
 * nothing is closed, nothing comes through, and what was sent meanwhile arrives when it is over.
 */
public final class TcpProxy implements AutoCloseable {
  private static final int CHUNK = 64 << 10;

  private final int target;
  private final ServerSocket listening;

  @GuardedBy("this")
  private boolean holdsRequests;

  @GuardedBy("this")
  private boolean holdsAnswers;

  /** Whether answers are held from the next time on that a group is to be committed. */
  @GuardedBy("this")
  private boolean holdsAnswersToCommit;

  /** Likewise, that slots are to be taken or given up. */
  @GuardedBy("this")
  private boolean holdsAnswersToSlots;

  /** Answers that are to be lost, in the order in which they are. */
  @GuardedBy("this")
  private final Deque<Loss> losses = new ArrayDeque<>();

  @GuardedBy("this")
  private boolean closed;

  @GuardedBy("this")
  private final List<Socket> sockets = new ArrayList<>();

  /** The database's ends of connections on which no answer comes through. */
  @GuardedBy("this")
  private final Set<Socket> mute = new HashSet<>();

  /**
   * The answer to something.
   *
   * @param sent what it is, or something in it
   * @param ofCommit whether that is answered, and the commit that is sent after it isn't
   */
  private record Loss(String sent, boolean ofCommit) {}

  /** A proxy for this server. */
  public TcpProxy(PostgresServer server) {
    this.target = server.port();
    try {
      listening = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new IllegalStateException("no proxy", e);
    }
    Thread.startVirtualThread(this::accept);
  }

  /** This URL of the server, by way of the proxy. */
  public String url(String direct) {
    return direct.replace(":" + target + "/", ":" + listening.getLocalPort() + "/");
  }

  /** Nothing comes through any more, either way. */
  public synchronized void silence() {
    holdsRequests = true;
    holdsAnswers = true;
  }

  /** What the database answers doesn't come through any more; what it is told does. */
  public synchronized void silenceAnswers() {
    holdsAnswers = true;
  }

  /** The same, from the next time on that a group of commits is told to be committed. */
  public synchronized void silenceAnswersToCommit() {
    holdsAnswersToCommit = true;
  }

  /** The same, from the next time on that slots are told to be taken, or to be given up. */
  public synchronized void silenceAnswersToCommitOfSlots() {
    holdsAnswersToSlots = true;
  }

  /**
   * Whoever is next to send this, when what was to be lost before is, hears nothing more on that
   * connection; on others he does.
   */
  public synchronized void loseAnswerTo(String sent) {
    losses.add(new Loss(sent, /* ofCommit= */ false));
  }

  /** The same, but the answer to this comes, and none to the commit that is sent after it. */
  public synchronized void loseAnswerToCommitOf(String sent) {
    losses.add(new Loss(sent, /* ofCommit= */ true));
  }

  /** How many answers are still to be lost. */
  public synchronized int lossesLeft() {
    return losses.size();
  }

  /** Everything comes through again, also what came meanwhile. */
  public synchronized void speak() {
    holdsRequests = false;
    holdsAnswers = false;
    holdsAnswersToCommit = false;
    holdsAnswersToSlots = false;
    losses.clear();
    mute.clear();
    notifyAll();
  }

  private void accept() {
    while (true) {
      try {
        Socket host = listening.accept();
        Socket database = new Socket(InetAddress.getLoopbackAddress(), target);
        synchronized (this) {
          sockets.add(host);
          sockets.add(database);
        }
        host.setTcpNoDelay(true);
        database.setTcpNoDelay(true);
        Thread.startVirtualThread(() -> pump(host, database, /* answers= */ false));
        Thread.startVirtualThread(() -> pump(database, host, /* answers= */ true));
      } catch (IOException e) {
        if (isClosed()) {
          return;
        }
      }
    }
  }

  private void pump(Socket from, Socket to, boolean answers) {
    byte[] bytes = new byte[CHUNK];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      boolean commits = false;
      boolean slots = false;
      boolean losesCommit = false;
      int read;
      while ((read = in.read(bytes)) >= 0 && mayPass(answers, from)) {
        String sent = new String(bytes, 0, read, ISO_8859_1);
        commits |= sent.contains("seriatim-committer-");
        if (!answers) {
          // What follows the update of slots is its commit, by whatever name the driver calls it.
          commitIsOnItsWay(commits && sent.contains("COMMIT"), slots);
          slots = sent.contains("UPDATE slots");
          if (losesCommit) {
            mute(to);
          }
          losesCommit = lose(sent, to);
        }
        out.write(bytes, 0, read);
      }
      boolean _ = mayPass(answers, from); // Not even the end of it comes through.
    } catch (IOException e) {
      // One of the two has closed it, and so both are closed.
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits while this direction is silent. False if all is over. */
  private synchronized boolean mayPass(boolean answers, Socket from) throws InterruptedException {
    while (!closed && (answers ? holdsAnswers || mute.contains(from) : holdsRequests)) {
      wait();
    }
    return !closed;
  }

  private synchronized void commitIsOnItsWay(boolean ofGroup, boolean ofSlots) {
    holdsAnswers |= (ofGroup && holdsAnswersToCommit) || (ofSlots && holdsAnswersToSlots);
  }

  /** Returns whether what comes next on this connection isn't to be answered. */
  private synchronized boolean lose(String sent, Socket database) {
    Loss loss = losses.peek();
    if (loss == null || !sent.contains(loss.sent)) {
      return false;
    }
    losses.remove();
    if (!loss.ofCommit) {
      mute(database);
    }
    return loss.ofCommit;
  }

  private synchronized void mute(Socket database) {
    mute.add(database);
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    List<Socket> open;
    synchronized (this) {
      closed = true;
      notifyAll();
      open = List.copyOf(sockets);
    }
    open.forEach(JdbcStore::closeQuietly);
    JdbcStore.closeQuietly(listening);
  }
}
