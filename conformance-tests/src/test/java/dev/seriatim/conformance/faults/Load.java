package dev.seriatim.conformance.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Clients that call journals through whichever hosts: each has one stub at a time, makes some calls
 * on it without waiting for their answers, and opens another one when it has made them all, or when
 * the stub is broken.
 */
final class Load implements AutoCloseable {
  private static final int PACE_MILLIS = 20;
  private static final int BURST = 6;
  private static final int MOST_OPEN = 128;
  private static final int MOST_CALLS = 400;

  /** Most calls go to so many journals, so that there are several stubs on each. */
  private static final int BUSY = 6;

  private final Journals journals;
  private final List<Client> clients = new ArrayList<>();
  private final ScheduledExecutorService pace = Executors.newScheduledThreadPool(2);
  private final AtomicReference<Throwable> thrown = new AtomicReference<>();

  /**
   * Doesn't call as yet.
   *
   * @param count how many clients there are
   */
  Load(Journals journals, int count, Random random) {
    this.journals = journals;
    for (int i = 0; i < count; i++) {
      clients.add(new Client(new Random(random.nextLong())));
    }
  }

  void start() {
    for (Client client : clients) {
      var _ =
          pace.scheduleWithFixedDelay(
              client::runSafely, PACE_MILLIS, PACE_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Makes no more calls, and waits for the ends of those that were made. */
  void stop() throws InterruptedException {
    pace.shutdown();
    if (!pace.awaitTermination(Patience.SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("the last call of every client: never came");
    }
    clients.forEach(Client::close);
    if (thrown.get() != null) {
      throw new AssertionError("a client failed", thrown.get());
    }
    journals.awaitEnds();
  }

  /** Makes no more calls, whatever became of those that were made. */
  @Override
  public void close() {
    pace.shutdownNow();
  }

  /** On one thread at a time. */
  private final class Client {
    private final Random random;
    private JournalStub stub;
    private int left;

    private Client(Random random) {
      this.random = random;
    }

    private void runSafely() {
      try {
        run();
      } catch (RuntimeException | Error e) {
        thrown.compareAndSet(null, e);
        throw e;
      }
    }

    private void run() {
      if (stub == null || left == 0 || stub.isBroken()) {
        close();
        stub = open();
        left = 1 + random.nextInt(MOST_CALLS);
      }
      for (int burst = random.nextInt(BURST); burst > 0; burst--) {
        if (left == 0 || stub.open() >= MOST_OPEN) {
          return;
        }
        left--;
        if (random.nextInt(3) == 0) {
          stub.read();
        } else {
          stub.append();
        }
      }
    }

    private JournalStub open() {
      List<String> names = journals.names();
      int most = random.nextInt(4) == 0 ? names.size() : BUSY;
      return journals.open(
          names.get(random.nextInt(most)), random.nextInt(journals.hosts()), random.nextBoolean());
    }

    private void close() {
      if (stub != null) {
        stub.close();
      }
    }
  }
}
