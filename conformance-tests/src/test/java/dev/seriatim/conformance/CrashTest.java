package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.AppendResponse;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.examples.v1.ReadResponse;
import dev.seriatim.service.Seeds;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills the real server with SIGKILL under load, again and again, and looks at what is left: each
 * object must hold the effect of a prefix of each stub's calls, with every call in it that was
 * answered.
 *
 * <p>Longer with {@code -Dcrash.rounds=N}. A seed chooses the loads and times, and not the
 * interleaving.
 */
final class CrashTest {
  private static final int ROUNDS = Integer.getInteger("crash.rounds", 5);
  private static final int CLIENTS = 4;
  private static final int OBJECTS = 6;
  private static final int IN_FLIGHT = 256;

  @TempDir Path directory;

  @Test
  void whatWasAnsweredIsThereAfterACrash() {
    Seeds.each(1, seed -> crash(directory.resolve("seed " + seed), new Random(seed)));
  }

  private static void crash(Path data, Random random) throws Exception {
    // What each client has been told of each journal: its own lines up to this one are in it.
    AtomicLong[][] answered = new AtomicLong[CLIENTS][OBJECTS];
    for (AtomicLong[] row : answered) {
      java.util.Arrays.setAll(row, i -> new AtomicLong());
    }
    long[][] present = new long[CLIENTS][OBJECTS];
    long total = 0;
    for (int round = 1; round <= ROUNDS; round++) {
      try (ServerProcess server = ServerProcess.start("--data", data.toString())) {
        check(server, answered, present, round);
        Load load = new Load(server, answered, present);
        long before = total(answered);
        // Not before something was answered, so that each round has something to lose.
        load.awaitAnswers(1 + random.nextInt(2_000));
        server.kill();
        load.awaitEnd();
        total += total(answered) - before;
      }
    }
    try (ServerProcess server = ServerProcess.start("--data", data.toString())) {
      check(server, answered, present, ROUNDS + 1);
    }
    System.out.println("crash test: " + total + " calls were answered, none is lost");
    assertWithMessage("calls answered in all rounds").that(total).isAtLeast(ROUNDS);
  }

  private static long total(AtomicLong[][] answered) {
    long sum = 0;
    for (AtomicLong[] row : answered) {
      for (AtomicLong one : row) {
        sum += one.get();
      }
    }
    return sum;
  }

  /** Reads every journal and holds it to what its clients were told. */
  private static void check(
      ServerProcess server, AtomicLong[][] answered, long[][] present, int round) throws Exception {
    ManagedChannel channel = server.connect();
    try {
      DurableObjects objects = DurableObjects.on(channel);
      for (int object = 0; object < OBJECTS; object++) {
        long[] last = new long[CLIENTS];
        for (String line : readAll(objects, object)) {
          int client = Integer.parseInt(line.substring(0, line.indexOf(':')));
          long number = Long.parseLong(line.substring(line.indexOf(':') + 1));
          assertWithMessage(
                  "round %s: the line of client %s in journal %s behind its line %s",
                  round, client, object, last[client])
              .that(number)
              .isEqualTo(last[client] + 1);
          last[client] = number;
        }
        for (int client = 0; client < CLIENTS; client++) {
          assertWithMessage(
                  "round %s: the last line of client %s in journal %s, beside the last that it was"
                      + " told of",
                  round, client, object)
              .that(last[client])
              .isAtLeast(answered[client][object].get());
          present[client][object] = last[client];
        }
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static List<String> readAll(DurableObjects objects, int object) {
    List<String> lines = new ArrayList<>();
    try (DurableObjectStub stub = objects.namespace("JOURNAL").getByName("crash-" + object)) {
      JournalGrpc.JournalBlockingStub journal =
          JournalGrpc.newBlockingStub(stub.channel()).withDeadlineAfter(60, TimeUnit.SECONDS);
      ReadResponse page;
      long from = 1;
      do {
        page = journal.read(ReadRequest.newBuilder().setFrom(from).build());
        lines.addAll(page.getLinesList());
        from = page.getNext();
      } while (page.getLinesCount() > 0);
    }
    return lines;
  }

  /** Several clients, each on a connection of its own, that append until the server is gone. */
  private static final class Load {
    private final CountDownLatch ended = new CountDownLatch(CLIENTS);
    private final Semaphore answers = new Semaphore(0);

    Load(ServerProcess server, AtomicLong[][] answered, long[][] present) {
      for (int i = 0; i < CLIENTS; i++) {
        int client = i;
        Thread.ofPlatform()
            .daemon()
            .name("client-" + client)
            .start(
                () -> {
                  ManagedChannel channel = server.connect();
                  try {
                    append(channel, client, answered[client], present[client]);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  } finally {
                    channel.shutdownNow();
                    ended.countDown();
                  }
                });
      }
    }

    private void append(ManagedChannel channel, int client, AtomicLong[] answered, long[] present)
        throws InterruptedException {
      DurableObjects objects = DurableObjects.on(channel);
      DurableObjectStub[] stubs = new DurableObjectStub[OBJECTS];
      long[] next = new long[OBJECTS];
      for (int object = 0; object < OBJECTS; object++) {
        stubs[object] = objects.namespace("JOURNAL").getByName("crash-" + object);
        next[object] = present[object] + 1;
      }
      Semaphore room = new Semaphore(IN_FLIGHT);
      CountDownLatch broken = new CountDownLatch(OBJECTS);
      for (DurableObjectStub stub : stubs) {
        stub.onBreak(cause -> broken.countDown());
      }
      for (int i = 0; broken.getCount() == OBJECTS; i++) {
        int object = i % OBJECTS;
        long number = next[object]++;
        room.acquire();
        Futures.addCallback(
            stubs[object].call(
                JournalGrpc.getAppendMethod(),
                AppendRequest.newBuilder().setLine(client + ":" + number).build()),
            new FutureCallback<AppendResponse>() {
              @Override
              public void onSuccess(AppendResponse response) {
                answered[object].set(number);
                answers.release();
                room.release();
              }

              @Override
              public void onFailure(Throwable failure) {
                room.release();
              }
            },
            MoreExecutors.directExecutor());
      }
    }

    void awaitAnswers(int count) throws InterruptedException {
      assertWithMessage("%s calls were answered within 60 s", count)
          .that(answers.tryAcquire(count, 60, TimeUnit.SECONDS))
          .isTrue();
    }

    void awaitEnd() throws InterruptedException {
      assertWithMessage("all clients had noticed the crash within 60 s")
          .that(ended.await(60, TimeUnit.SECONDS))
          .isTrue();
    }
  }
}
