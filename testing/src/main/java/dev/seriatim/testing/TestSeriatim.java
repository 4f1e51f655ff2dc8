package dev.seriatim.testing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.InternalDurableObjects;
import io.grpc.Channel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A host under test: a real one, with a store of its own in a temporary directory, whose time,
 * commits, connections and end are in the hands of the test. Get one from a {@link
 * SeriatimExtension}.
 *
 * <p>Safe for any number of threads; what ends or starts the host is done by one at a time. Waits
 * are bounded to 30 s, and what never came is an {@link AssertionError} that names it.
 */
public final class TestSeriatim implements AutoCloseable {
  private final HostSettings settings;
  private final Path directory;
  private final TestClock clock;
  private final Commits commits = new Commits();
  private final Breaks breaks = new Breaks();
  private final SwitchChannel channel = new SwitchChannel();

  /** The stubs that the kit closes. */
  private final DurableObjects own;

  /** The stubs that the test closes. */
  private final DurableObjects others;

  /** Whether this one made the directory, and so deletes it. */
  private final boolean first;

  @GuardedBy("this")
  private final List<TestSeriatim> successors = new ArrayList<>();

  /** Null while there is none: it was drained, or has been closed. */
  @GuardedBy("this")
  private @Nullable RunningHost host;

  @GuardedBy("this")
  private int port;

  @GuardedBy("this")
  private boolean closed;

  TestSeriatim(HostSettings settings) {
    this(settings, new TestClock(settings.clock()), TemporaryDirectory.make(), /* first= */ true);
  }

  private TestSeriatim(HostSettings settings, TestClock clock, Path directory, boolean first) {
    this.settings = settings;
    this.clock = clock;
    this.directory = directory;
    this.first = first;
    DurableObjects all = DurableObjects.on(channel);
    this.own = all.scope(ClientOptions.defaults());
    this.others = all.scope(ClientOptions.defaults());
    boolean started = false;
    try {
      synchronized (this) {
        start();
      }
      started = true;
    } finally {
      if (!started && first) {
        TemporaryDirectory.delete(directory);
      }
    }
  }

  @GuardedBy("this")
  private void start() {
    RunningHost started = new RunningHost(settings, directory, clock, commits, breaks, port);
    host = started;
    port = Math.max(0, started.port());
    channel.connect(started.connect());
  }

  @GuardedBy("this")
  private RunningHost running() {
    RunningHost there = host;
    if (there == null) {
      throw new IllegalStateException(
          closed ? "the host was closed" : "the host was drained, expected restart() before");
    }
    return there;
  }

  synchronized RunningHost host() {
    return running();
  }

  Breaks breaks() {
    return breaks;
  }

  // ---- the way to its objects

  /** A new stub on this object. It is closed with the host, if the test doesn't. */
  public DurableObjectStub stub(String namespace, String name) {
    return own.namespace(namespace).getByName(name);
  }

  /**
   * A client of the host, also after it was restarted. The stubs that are got from it are the
   * test's to close: one that has been used and is left open fails the test.
   */
  public DurableObjects objects() {
    return others;
  }

  /** The channel to the host, also after it was restarted, for calls without a stub. */
  public Channel channel() {
    return channel;
  }

  /**
   * Where other processes reach the host: {@code 127.0.0.1:PORT}, the same one after a restart.
   *
   * @throws IllegalStateException if the host is in process only
   */
  public String target() {
    if (!settings.loopback()) {
      throw new IllegalStateException("the host is in process, expected one with loopback()");
    }
    return host().place();
  }

  /** What a test may do to this object, and see of it. */
  public TestObject object(String namespace, String name) {
    return new TestObject(this, host().address(namespace, name));
  }

  /** The objects of this namespace that have stored anything, by name; those without one last. */
  public List<StoredObject> objects(String namespace) {
    return StoredObject.all(directory).stream()
        .filter(object -> object.namespace().equals(namespace))
        .toList();
  }

  // ---- its time

  /** The host's time. */
  public TestClock clock() {
    return clock;
  }

  // ---- its life

  /**
   * Ends the host in good order and starts it again: stubs break with {@code HOST_DRAINING} behind
   * the turn that they are in; what was durable is there, and what was in memory isn't. Commits
   * that are held go on before. Starts a host that was drained.
   */
  public synchronized void restart() {
    checkOpen();
    if (host != null) {
      drain();
    }
    start();
  }

  /**
   * Kills the host where it is and starts it again: connections are lost, and so is what had not
   * become durable, {@linkplain #holdCommits held} commits included.
   */
  public synchronized void crash() {
    RunningHost dying = running();
    channel.cut();
    dying.die();
    host = null;
    commits.mend();
    start();
  }

  /**
   * Ends the host in good order, as SIGTERM does: every stub finishes the turn that it is in and
   * breaks with {@code HOST_DRAINING}. Then there is none, until {@link #restart}.
   */
  public synchronized void drain() {
    RunningHost draining = running();
    commits.mend();
    draining.drain();
    host = null;
  }

  /**
   * Starts a second host on the same store, with the same clock, which takes the objects over, as
   * if this one had been silent for longer than its lease. This one goes on and has lost them: its
   * stubs break with {@code OBJECT_RESET} at their next call, and commits that were held are lost.
   *
   * @return the second host, which is closed with this one
   */
  public synchronized TestSeriatim takeOver() {
    running().loseAll();
    TestSeriatim successor = new TestSeriatim(settings, clock, directory, /* first= */ false);
    successors.add(successor);
    return successor;
  }

  // ---- its commits

  /**
   * Makes the next commit fail: what its turns wrote is undone, and their stubs break with {@code
   * OBJECT_RESET}. One commit may hold turns of several objects that write at the same time.
   */
  public void failNextCommit() {
    commits.failNext();
  }

  /** Lets nothing become durable until what this gives back is closed. */
  public HeldCommits holdCommits() {
    return commits.hold();
  }

  /**
   * Makes the next commit durable, and its answer be lost for longer than anyone waits: the stubs
   * of its turns end without a word, and their clients see calls whose fate is unknown, which ran.
   */
  public void loseCommitAnswer() {
    commits.loseNextAnswer();
  }

  // ---- its connections

  /**
   * Cuts every connection to the host, without a word: stubs that aren't resumable break, and calls
   * that were sent have an unknown fate. New stubs connect anew.
   */
  public synchronized void dropConnections() {
    RunningHost there = running();
    channel.connect(there.connect());
    there.cutConnections();
  }

  // ---- its end

  @GuardedBy("this")
  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the host was closed");
    }
  }

  /**
   * Closes the kit's stubs, ends the host and deletes its store. Does nothing the second time.
   *
   * @throws AssertionError if a stub of {@link #objects()} was used and left open
   */
  @Override
  public void close() {
    List<String> left = end();
    if (!left.isEmpty()) {
      throw new AssertionError(
          "stubs were left open, on "
              + String.join(", ", left)
              + "; expected them to be closed, or got by stub(), which closes its own");
    }
  }

  /** Ends everything, and says which stubs were left open. */
  private synchronized List<String> end() {
    if (closed) {
      return List.of();
    }
    closed = true;
    List<String> left = new ArrayList<>(InternalDurableObjects.leftOpen(others));
    successors.forEach(successor -> left.addAll(successor.end()));
    own.close();
    others.close();
    channel.cut();
    commits.mend();
    if (host != null) {
      host.close();
      host = null;
    }
    if (first) {
      TemporaryDirectory.delete(directory);
    }
    return left;
  }
}
