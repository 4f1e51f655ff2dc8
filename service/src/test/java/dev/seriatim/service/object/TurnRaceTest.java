package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.FaultyStorage;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random stubs on a few objects over a real store, from several threads: calls that write, throw,
 * reply with too much, abort and reply late, clients that cancel and stop reading, timeouts,
 * evictions, commits that fail. In the end the store must hold, for each stub, exactly what the
 * stub was told.
 *
 * <p>A seed chooses the calls; the interleaving is the machine's.
 */
final class TurnRaceTest {
  private static final int OBJECTS = 5;
  private static final int CLIENTS = 4;
  private static final int LARGE = 10_000;
  private static final int STUBS = Integer.getInteger("seriatim.stubs", 150);
  private static final String ACTIONS = "wwwwwwwwwwwwbbbrrrrrrlllltax";

  private final Queue<String> breaches = new ConcurrentLinkedQueue<>();
  private final Map<String, Set<String>> found = new ConcurrentHashMap<>();
  private final Map<String, AtomicInteger> inside = new ConcurrentHashMap<>();

  /** One stub of a client, and what it did. */
  private static final class Client {
    final String id;
    final String object;
    final RecordingAttachment attachment = new RecordingAttachment();
    final StringBuilder actions = new StringBuilder();
    boolean cancelled;

    Client(String id, String object) {
      this.id = id;
      this.object = object;
    }

    /** The keys that the first so many calls write. */
    Set<String> written(int calls) {
      Set<String> keys = new java.util.HashSet<>();
      for (int i = 1; i <= calls; i++) {
        if ("wbl".indexOf(actions.charAt(i - 1)) >= 0) {
          keys.add(id + "/" + i);
        }
      }
      return keys;
    }
  }

  @Test
  void everyStubIsToldWhatIsStored(@TempDir Path data) {
    Seeds.each(
        1,
        seed ->
            run(seed, StorageEngine.open(options(data.resolve("" + seed))), /* exclusive= */ true));
  }

  @Test
  void everyStubIsToldWhatIsStoredThoughCommitsFail(@TempDir Path data) {
    Seeds.each(1, seed -> runThoughCommitsFail(seed, data.resolve("" + seed)));
  }

  /**
   * A disk that is busy with others for long isn't away: those whose commits are in doubt would be
   * told nothing, and it is to be seen what stubs are told.
   */
  private static StorageOptions options(Path data) {
    return StorageOptions.sqlite(data).withStorePatience(Duration.ofMinutes(10));
  }

  private void runThoughCommitsFail(long seed, Path data) throws Exception {
    Random random = new Random(seed);
    FaultyStorage.Commits commits =
        new FaultyStorage.Commits() {
          @Override
          public void afterWrites() throws SQLException {
            if (random.nextInt(10) == 0) {
              throw new SQLException("out of order");
            }
          }

          @Override
          public void beforeNotify() {
            if (random.nextInt(4) == 0) {
              LockSupport.parkNanos(200_000);
            }
          }
        };
    run(seed, FaultyStorage.open(options(data), commits), /* exclusive= */ false);
  }

  private void run(long seed, StorageEngine storage, boolean exclusive) throws Exception {
    found.clear();
    inside.clear();
    HostLimits limits =
        HostLimits.builder()
            .idleLimit(Duration.ofMillis(5))
            .maxInstances(OBJECTS - 1)
            .maxUnreadOutcomeBytes(64)
            .hostOutcomeBytes(8 * LARGE)
            .build();
    List<Client> clients = new ArrayList<>();
    try (TestObjects objects =
        new TestObjects(
            limits,
            Probe.doing((probe, request, reply) -> turn(probe, request, reply, exclusive)),
            storage)) {
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < CLIENTS; t++) {
        Random random = new Random(seed + t);
        String name = "c" + t;
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int s = 0; s < STUBS; s++) {
                        Client client = new Client(name + "." + s, "o" + random.nextInt(OBJECTS));
                        synchronized (clients) {
                          clients.add(client);
                        }
                        try {
                          play(objects, client, random, /* timeouts= */ !exclusive);
                        } catch (Throwable e) {
                          breaches.add(client.id + " on " + client.object + ": " + e);
                          return;
                        }
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      for (int i = 0; i < OBJECTS && breaches.isEmpty(); i++) {
        list(objects, "o" + i);
      }
      if (breaches.isEmpty()) {
        Wait.until(
            () ->
                objects.directory.host().queued().isEmpty()
                    && objects.directory.host().outcomes().bytes() == 0,
            "the room of everything that has ended");
      }
    }
    assertThat(breaches).isEmpty();
    for (Client client : clients) {
      check(client);
    }
  }

  /**
   * @param timeouts whether some of the calls have one: what is cut off may overlap the next turn
   */
  private static void play(TestObjects objects, Client client, Random random, boolean timeouts) {
    Session stub = objects.open(client.object, client.attachment);
    int frames = 1 + random.nextInt(6);
    for (int f = 0; f < frames; f++) {
      int calls = 1 + random.nextInt(8);
      String[] texts = new String[calls];
      long first = client.actions.length() + 1L;
      for (int i = 0; i < calls; i++) {
        char action = ACTIONS.charAt(random.nextInt(ACTIONS.length()));
        client.actions.append(action);
        texts[i] = action + client.id + "/" + client.actions.length();
      }
      List<Invocation> invocations = TestObjects.invocations(first, texts);
      for (int i = 0; timeouts && i < calls; i++) {
        if (random.nextInt(10) == 0) {
          invocations.set(i, timed(first + i, texts[i], random.nextInt(3_000)));
        }
      }
      stub.add(invocations, 10);
      if (random.nextInt(4) == 0) {
        client.attachment.setReading(false);
        LockSupport.parkNanos(random.nextInt(300_000));
        client.attachment.setReading(true);
        stub.onReady();
      }
    }
    switch (random.nextInt(8)) {
      case 0 -> {
        LockSupport.parkNanos(random.nextInt(1_000_000));
        client.cancelled = true;
        stub.cancel();
        return;
      }
      case 1 -> {
        LockSupport.parkNanos(random.nextInt(500_000));
        stub.breakSoon(BreakCause.of(BreakReason.OBJECT_RESET, "from outside"));
      }
      default -> stub.halfClose();
    }
    Wait.until(client.attachment::isClosed, "the end of the stub");
  }

  private static Invocation timed(long sequence, String text, int micros) {
    return Invocation.of(
        dev.seriatim.v1.Invocation.newBuilder()
            .setSequence(sequence)
            .setMethod("Do")
            .setMessage(Words.newBuilder().setText(text).build().toByteString())
            .setTimeout(Durations.fromMicros(micros))
            .build());
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply, boolean exclusive)
      throws Exception {
    String object = probe.state().name().orElseThrow();
    String key = request.getText().substring(1);
    AtomicInteger turns = inside.computeIfAbsent(object, name -> new AtomicInteger());
    if (turns.incrementAndGet() != 1 && exclusive) {
      breaches.add("two turns at once on " + object);
    }
    char action = request.getText().charAt(0);
    try {
      switch (action) {
        case 'r' -> {
          var _ = probe.state().storage().get(key);
        }
        case 'f' -> found.put(object, Set.copyOf(keys(probe)));
        default -> probe.state().storage().put(key, ByteString.EMPTY);
      }
    } finally {
      turns.decrementAndGet();
    }
    switch (action) {
      case 't' ->
          throw new java.util.NoSuchElementException("thrown by a test") {
            private static final long serialVersionUID = 1;

            @Override
            public synchronized Throwable fillInStackTrace() {
              return this;
            }
          };
      case 'a' -> {
        probe.state().abort("by itself");
        return;
      }
      case 'x' -> {
        Thread.startVirtualThread(() -> probe.state().abort("from outside"));
        new CountDownLatch(1).await();
      }
      case 'b' -> {
        reply.onNext(Probe.filling(LARGE));
        reply.onCompleted();
        return;
      }
      case 'l' -> {
        Thread.startVirtualThread(() -> Probe.echo(probe, request, reply));
        return;
      }
      default -> {}
    }
    Probe.echo(probe, request, reply);
  }

  private static Set<String> keys(Probe probe) {
    return probe.state().storage().list(ListOptions.all()).keySet();
  }

  /** Reads what is stored; a commit may fail under it, and so it tries again. */
  private void list(TestObjects objects, String object) {
    for (int attempt = 0; attempt < 50; attempt++) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open(object, attachment);
      stub.add(TestObjects.invocations(1, "f"), 1);
      stub.halfClose();
      Wait.until(attachment::isClosed, "what is stored in " + object);
      if (attachment.broken() == null) {
        return;
      }
    }
    breaches.add("what is stored in " + object + " can't be read");
  }

  private void check(Client client) {
    Set<String> stored = new java.util.HashSet<>();
    for (String key : found.getOrDefault(client.object, Set.of())) {
      if (key.startsWith(client.id + "/")) {
        stored.add(key);
      }
    }
    String what = "stub %s on %s: %s".formatted(client.id, client.object, client.actions);
    assertWithMessage(what).that(client.attachment.breaches()).isEmpty();
    int sent = client.actions.length();
    Broken broken = client.attachment.broken();
    if (broken != null) {
      assertWithMessage(what)
          .that(stored)
          .isEqualTo(client.written(Math.toIntExact(broken.getCompletedThrough())));
    } else if (!client.cancelled) {
      assertWithMessage(what).that(client.attachment.outcomes()).isEqualTo(sent);
      assertWithMessage(what).that(stored).isEqualTo(client.written(sent));
    } else {
      boolean prefix = false;
      for (int n = client.attachment.outcomes(); n <= sent && !prefix; n++) {
        prefix = stored.equals(client.written(n));
      }
      assertWithMessage(
              "%s: stored %s is no prefix from %s on", what, stored, client.attachment.outcomes())
          .that(prefix)
          .isTrue();
    }
  }
}
