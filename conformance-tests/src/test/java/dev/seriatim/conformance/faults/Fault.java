package dev.seriatim.conformance.faults;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.stream.Stream;

/** What can happen to hosts, their store and the networks between them. */
enum Fault {
  KILL {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      long since = System.nanoTime();
      at.host().kill();
      Duration took = at.journals().awaitAnswers(at.elsewhere(), since);
      System.out.printf("  from SIGKILL to the answer of every object: %d ms%n", took.toMillis());
      at.host().start();
    }
  },
  PAUSE {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      at.host().pause();
      Patience.last(Duration.ofSeconds(3));
      at.host().resume();
    }
  },
  LONG_PAUSE {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      at.host().pause();
      Patience.last(Duration.ofSeconds(15));
      at.host().resume();
    }
  },
  TERMINATE {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      at.host().terminate();
      at.host().start();
    }
  },
  RESTART_STORE {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      at.cluster().postgres().restart();
    }
  },
  END_SESSIONS {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      var _ =
          at.cluster()
              .postgres()
              .query(
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      + " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
    }
  },
  PAUSE_SESSIONS {
    @Override
    void happen(Place at) throws IOException, InterruptedException {
      String[] pids =
          at.cluster()
              .postgres()
              .query(
                  "SELECT pid FROM pg_stat_activity"
                      + " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
              .strip()
              .split("\\s+");
      signal("-STOP", pids);
      Patience.last(at.either(4, 12));
      signal("-CONT", pids);
    }
  },
  RESET_TRUNKS {
    @Override
    void happen(Place at) {
      at.host().trunks().cut();
      at.host().trunks().mend();
    }
  },
  CUT_TRUNKS {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().trunks().cut();
      Patience.last(at.either(2, 10));
      at.host().trunks().mend();
    }
  },
  SILENCE_TRUNKS {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().trunks().silence();
      Patience.last(at.either(2, 15));
      at.host().trunks().mend();
    }
  },
  DELAY_TRUNKS {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().trunks().delay(Duration.ofMillis(100));
      Patience.last(Duration.ofSeconds(5));
      at.host().trunks().mend();
    }
  },
  CUT_MEMBERSHIP {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().membership().cut();
      Patience.last(at.either(3, 20));
      at.host().membership().mend();
    }
  },
  SILENCE_MEMBERSHIP {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().membership().silence();
      Patience.last(at.either(3, 20));
      at.host().membership().mend();
    }
  },
  CUT_STORE {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().database().cut();
      Patience.last(at.either(3, 12));
      at.host().database().mend();
    }
  },
  SILENCE_STORE {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().database().silence();
      Patience.last(at.either(3, 12));
      at.host().database().mend();
    }
  },
  DELAY_STORE {
    @Override
    void happen(Place at) throws InterruptedException {
      at.host().database().delay(Duration.ofMillis(200));
      Patience.last(Duration.ofSeconds(5));
      at.host().database().mend();
    }
  },
  ISOLATE {
    @Override
    void happen(Place at) throws InterruptedException {
      Stream.of(at.host().trunks(), at.host().membership(), at.host().database())
          .forEach(Wire::silence);
      Patience.last(at.either(3, 20));
      Stream.of(at.host().trunks(), at.host().membership(), at.host().database())
          .forEach(Wire::mend);
    }
  };

  /**
   * Where something happens.
   *
   * @param index which host it happens to, if it does to one
   */
  record Place(ProcessCluster cluster, Journals journals, int index, Random random) {
    HostProcess host() {
      return cluster.hosts().get(index);
    }

    /** The index of another host. */
    int elsewhere() {
      int count = cluster.hosts().size();
      return (index + 1 + random.nextInt(count - 1)) % count;
    }

    Duration either(int seconds, int others) {
      return Duration.ofSeconds(random.nextBoolean() ? seconds : others);
    }
  }

  /** Lets it happen, and has it be over, though its consequences may not be. */
  abstract void happen(Place at) throws IOException, InterruptedException;

  private static void signal(String name, String... pids) throws IOException, InterruptedException {
    for (String pid : pids) {
      new ProcessBuilder("kill", name, pid).start().waitFor();
    }
  }
}
