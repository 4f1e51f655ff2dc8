package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.Loss;
import dev.seriatim.service.session.OutcomeBudget;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.session.Pulse;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionHost;
import dev.seriatim.service.session.SessionMemory;
import dev.seriatim.service.session.SessionObject;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.session.SessionRecord;
import dev.seriatim.service.storage.CommitListener;
import dev.seriatim.service.storage.CommittedByHand;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.TurnStorage;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A session in the hands of three threads: its client, the turn thread and the committer. They come
 * upon each other at random: connections are opened and lost, turns run, outcomes are acknowledged,
 * commits become durable or are lost. In the end, when the client has had an outcome of each of its
 * calls, each was counted once, and each outcome was the same whenever it was told.
 *
 * <p>A round is made of steps one after the other, and then of a few at the same time: so most of
 * the time is spent where races are. A seed chooses the steps; the interleaving is the machine's.
 */
final class SessionRaceTest {
  private static final int ROUNDS = 4_000;
  private static final int CALLS = 12;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final ByteString SESSION = ByteString.copyFromUtf8("0123456789abcdef");

  @Test
  void eachCallIsCountedOnce() throws Exception {
    try (Other client = new Other(Race::clientStep);
        Other committer = new Other(Race::commitStep)) {
      Seeds.each(ROUNDS, seed -> play(new Random(seed), client, committer));
    }
  }

  private static void play(Random random, Other client, Other committer) {
    Race race = new Race();
    for (int steps = random.nextInt(15); steps > 0; steps--) {
      switch (random.nextInt(4)) {
        case 0, 1 -> race.clientStep(random);
        case 2 -> race.turnStep();
        default -> race.commitStep(random);
      }
    }
    client.begin(race, random.nextLong());
    committer.begin(race, random.nextLong());
    race.turnStep();
    race.turnStep();
    client.await();
    committer.await();
    assertThat(race.finish()).isEmpty();
  }

  /** A thread that takes a few steps in each round, at once when it is told to. */
  private static final class Other implements AutoCloseable {
    private final BiConsumer<Race, Random> step;
    private final Thread thread = new Thread(this::run, "other");

    /** Written by the test, behind the two below. */
    private volatile int begun;

    private @Nullable Race race;
    private long seed;

    /** Written by the thread, behind the next. */
    private volatile int ended;

    private volatile @Nullable Throwable thrown;

    Other(BiConsumer<Race, Random> step) {
      this.step = step;
      thread.setDaemon(true);
      thread.start();
    }

    void begin(@Nullable Race next, long itsSeed) {
      race = next;
      seed = itsSeed;
      int now = begun + 1;
      begun = now;
    }

    void await() {
      awaitUntil(() -> ended == begun, "the end of a thread's steps");
      Throwable wrong = thrown;
      if (wrong != null) {
        throw new AssertionError("a step threw", wrong);
      }
    }

    private void run() {
      try {
        while (true) {
          int last = ended;
          awaitUntil(() -> begun != last, "the next round");
          Race of = race;
          if (of == null) {
            return;
          }
          Random random = new Random(seed);
          for (int steps = 1 + random.nextInt(2); steps > 0; steps--) {
            for (int spins = random.nextInt(1 << random.nextInt(8)); spins > 0; spins--) {
              Thread.onSpinWait();
            }
            step.accept(of, random);
          }
          ended = last + 1;
        }
      } catch (Throwable e) { // It is the test's.
        thrown = e;
        ended = begun;
      }
    }

    /** Spins, so that the threads begin as much at the same time as they can. */
    private static void awaitUntil(BooleanSupplier condition, String what) {
      long began = System.nanoTime();
      for (int spins = 1; !condition.getAsBoolean(); spins++) {
        if (spins % 1_000 != 0) {
          Thread.onSpinWait();
        } else if (System.nanoTime() - began < PATIENCE_NANOS) {
          LockSupport.parkNanos(1_000);
        } else {
          throw new AssertionError(what + " never came");
        }
      }
    }

    @Override
    public void close() {
      begin(null, 0);
      Uninterruptibles.joinUninterruptibly(thread);
    }
  }

  /** One session, and what its three threads do with it. */
  private static final class Race implements CommitListener {
    private final Queue<Runnable> sending = new ConcurrentLinkedQueue<>();
    private final OutputGate gate = new OutputGate();
    private final CommittedByHand store = new CommittedByHand(this);
    private final TheObject object = new TheObject(store.log(), gate);
    private final Client client = new Client(object);

    void clientStep(Random random) {
      int chosen = random.nextInt(10);
      if (client.isLost() || chosen == 0) {
        client.open();
      } else if (chosen == 1) {
        client.cut();
      } else if (chosen <= 4) {
        client.acknowledge();
      } else {
        client.send();
      }
    }

    void turnStep() {
      boolean _ = object.serve();
    }

    void commitStep(Random random) {
      if (random.nextInt(4) == 0) {
        store.lose();
      } else {
        store.commit();
      }
      send();
    }

    /** Sends what the gate has let go. */
    private void send() {
      for (Runnable task = sending.poll(); task != null; task = sending.poll()) {
        task.run();
      }
    }

    /** Lets the client come to the end of its calls. Says what was wrong, if anything. */
    String finish() {
      for (int tries = 0; client.answered() < CALLS; tries++) {
        if (tries == 100) {
          return "no more outcomes came than " + client + ", expected " + CALLS;
        }
        if (client.isLost()) {
          client.open();
        } else {
          client.send();
        }
        while (object.serve()) {}
        store.commit();
        send();
      }
      return client.wrong() + object.wrong();
    }

    @Override
    public void durable(long commit, boolean idle) {
      gate.open(commit, sending::add);
    }

    @Override
    public void failed(long first, long last, Throwable cause) {
      gate.fail(Loss.of(first, last, ThrownCause.reset(cause)), sending::add);
    }

    @Override
    public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {
      throw new AssertionError("nothing is in doubt here");
    }
  }

  /** What a call of this number gives: those with odd numbers count, and the others read. */
  private static long expected(long sequence) {
    return (sequence + 1) / 2;
  }

  /** The client, as the contract wants it to be. */
  private static final class Client {
    private final SessionObject object;

    // Guarded by this.
    private int connection;
    private @Nullable Wire wire;
    private long answered;
    private String wrong = "";

    Client(SessionObject object) {
      this.object = object;
    }

    synchronized long answered() {
      return answered;
    }

    synchronized String wrong() {
      return wrong;
    }

    @Override
    public synchronized String toString() {
      return answered + " on connection " + connection + "; " + wrong;
    }

    synchronized boolean isLost() {
      return wire == null || wire.ended;
    }

    void open() {
      Wire opened = new Wire(this);
      SessionOpen open;
      synchronized (this) {
        connection++;
        wire = opened;
        opened.next = answered + 1;
        open =
            new SessionOpen(
                SESSION,
                connection,
                answered,
                /* unansweredNanos= */ 0L,
                Opened.getDefaultInstance());
      }
      Session session = new Session(object, opened, /* local= */ false, open);
      opened.session = session;
      session.begin();
      if (open.connection() == 1) {
        send();
      }
    }

    void send() {
      Wire to;
      long sequence;
      synchronized (this) {
        to = wire;
        if (to == null || to.ended || to.sent == CALLS || !(to.opened || connection == 1)) {
          return;
        }
        sequence = ++to.sent;
      }
      to.session().add(List.of(invocation(sequence)), 10);
    }

    void acknowledge() {
      Wire to;
      long through;
      synchronized (this) {
        to = wire;
        through = answered;
        if (to == null || to.ended || !to.opened) {
          return;
        }
      }
      to.session().acknowledge(through);
    }

    void cut() {
      Wire from;
      synchronized (this) {
        from = wire;
        if (from == null) {
          return;
        }
        from.ended = true;
      }
      from.session().cancel();
    }

    private static Invocation invocation(long sequence) {
      return Invocation.of(
          dev.seriatim.v1.Invocation.newBuilder().setSequence(sequence).setMethod("Do").build());
    }
  }

  /** One connection. Guarded by its client. */
  private static final class Wire implements Attachment {
    private final Client client;
    private @Nullable Session session;
    boolean opened;
    boolean ended;
    long sent;

    /** The number of the outcome that has to come next. */
    long next;

    Wire(Client client) {
      this.client = client;
    }

    Session session() {
      return Objects.requireNonNull(session);
    }

    private void wrong(String what) {
      client.wrong += what + "; ";
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void sendOpened(Opened told) {
      synchronized (client) {
        long through = told.getSession().getCompletedThrough();
        if (through < next - 1) {
          wrong("opened at " + through + ", though outcomes came through " + (next - 1));
        }
        opened = true;
        sent = Math.max(sent, through);
      }
    }

    @Override
    public void send(List<Outcome> outcomes, @Nullable Broken broken) {
      synchronized (client) {
        for (Outcome outcome : outcomes) {
          long sequence = outcome.sequence();
          String value = Objects.requireNonNull(outcome.message()).toByteString().toStringUtf8();
          if (sequence != next || !opened) {
            wrong("outcome " + sequence + " came, expected " + next);
          }
          if (!value.equals(Long.toString(expected(sequence)))) {
            wrong("outcome " + sequence + " is " + value + ", expected " + expected(sequence));
          }
          next = sequence + 1;
          if (client.wire == this) {
            client.answered = Math.max(client.answered, sequence);
          }
        }
        if (broken != null && broken.getCause().getCode() != Code.ABORTED_VALUE) {
          wrong("broken: " + broken.getCause().getMessage());
        }
      }
    }

    @Override
    public void close(Status end) {
      synchronized (client) {
        ended = true;
      }
    }
  }

  /** The object: a counter, and whoever has it. */
  private static final class TheObject implements SessionObject {
    private static final DurableObjectId ID = new DurableObjectIds("TEST").fromName("object");
    private static final HostLimits LIMITS = HostLimits.defaults();

    /** Nothing waits for a time here; what did would be left behind, and found. */
    private static final Pulse PULSE = new Pulse();

    private static final ScheduledExecutorService TIMER =
        Executors.newSingleThreadScheduledExecutor();

    static {
      PULSE.close();
    }

    private final ObjectLog log;
    private final OutputGate gate;
    private final QueueBudget budget = new QueueBudget("the object", LIMITS.objectQueue());
    private final OutcomeBudget outcomes = new OutcomeBudget("the object", 1 << 20, null);
    private final SessionHost host =
        new SessionHost(LIMITS, () -> 0, TIMER, new SessionMemory(1 << 20), PULSE);
    private final SessionTable sessions;
    private final Remembering remembering;

    // Guarded by this.
    private final Queue<Session> ready = new ArrayDeque<>();

    // The turn thread's own.
    private @Nullable TurnStorage instance;

    TheObject(ObjectLog log, OutputGate gate) {
      this.log = log;
      this.gate = gate;
      this.sessions = new SessionTable(host, Duration.ofMinutes(10), log);
      this.remembering = new Remembering(this, log, sessions.stored());
    }

    private synchronized @Nullable Session takeReady() {
      return ready.poll();
    }

    /** Does once what a turn thread does again and again. */
    boolean serve() {
      Session stub = takeReady();
      if (stub == null) {
        return false;
      }
      Invocation invocation = stub.takeInvocation();
      if (invocation != null) {
        run(stub, invocation.sequence());
      }
      if (stub.staysScheduled()) {
        ready(stub, /* byTransport= */ false);
      }
      return true;
    }

    private void run(Session stub, long sequence) {
      try {
        TurnStorage storage = begin();
        long count = read(storage);
        if (sequence % 2 == 1) {
          count++;
          storage.put("count", ByteString.copyFromUtf8(Long.toString(count)));
        }
        Outcome outcome =
            new Outcome(
                sequence,
                Content.of(ByteString.copyFromUtf8(Long.toString(count))),
                /* json= */ null);
        if (stub.isBroken()) {
          stub.abandonTurn();
          drop();
          return;
        }
        long commit = remembering.submit(storage, stub, outcome, /* key= */ null);
        stub.complete(outcome, commit);
      } catch (StorageException | IllegalStateException e) {
        long seen = log.pendingCommit();
        drop();
        stub.breakTurn(ThrownCause.reset(e).blaming(sequence), seen);
      }
    }

    private TurnStorage begin() {
      TurnStorage storage = instance;
      if (storage == null || storage.refusal() != null) {
        storage = log.newStorage();
        instance = storage;
      }
      storage.beginTurn();
      return storage;
    }

    private void drop() {
      TurnStorage dropped = instance;
      instance = null;
      if (dropped != null) {
        boolean _ = dropped.rollback();
        dropped.discard();
      }
    }

    private static long read(TurnStorage storage) {
      return Long.parseLong(storage.get("count").map(ByteString::toStringUtf8).orElse("0"));
    }

    /** What is wrong with what has been counted. */
    String wrong() {
      long count = read(begin());
      drop();
      return count == expected(CALLS) ? "" : count + " counted, expected " + expected(CALLS);
    }

    @Override
    public SessionHost sessionHost() {
      return host;
    }

    @Override
    public OutputGate gate() {
      return gate;
    }

    @Override
    public DurableObjectId id() {
      return ID;
    }

    @Override
    public long pendingCommit() {
      return log.pendingCommit();
    }

    @Override
    public QueueBudget budget() {
      return budget;
    }

    @Override
    public OutcomeBudget outcomeBudget() {
      return outcomes;
    }

    @Override
    public @Nullable BreakCause refusal(List<Invocation> invocations) {
      return null;
    }

    @Override
    public synchronized void ready(Session session, boolean byTransport) {
      ready.add(session);
    }

    @Override
    public void claim(Session connection, SessionOpen open) throws BreakException {
      sessions.claim(connection, open);
    }

    @Override
    public long submit(SessionRecord record) {
      return sessions.stored().submitBreak(record);
    }

    @Override
    public void closed(SessionRecord record) {
      sessions.closed(record);
    }

    @Override
    public void ended(Session session) {}
  }
}
