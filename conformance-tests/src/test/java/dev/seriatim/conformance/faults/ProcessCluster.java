package dev.seriatim.conformance.faults;

import dev.seriatim.cluster.TestPostgres;
import dev.seriatim.service.storage.Slots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Some hosts, each a process, over one PostgreSQL. For one thread. */
final class ProcessCluster implements AutoCloseable {
  private final TestPostgres postgres;
  private final List<HostProcess> hosts = new ArrayList<>();

  private ProcessCluster(TestPostgres postgres) {
    this.postgres = postgres;
  }

  /**
   * Starts a PostgreSQL in this directory and hosts over it, and waits until they have all slots
   * between them. Skips the test if PostgreSQL isn't installed.
   *
   * @param name says where their logs are
   * @param edges how many more there are that have no objects
   */
  static ProcessCluster start(Path home, String name, int count, int edges)
      throws IOException, InterruptedException {
    ProcessCluster cluster = new ProcessCluster(TestPostgres.start(home));
    try {
      Path logs = Files.createDirectories(Path.of("target", "faults"));
      for (int number = 1; number <= count + edges; number++) {
        Path log = logs.resolve(name + "-host-" + number + ".log").toAbsolutePath();
        Files.deleteIfExists(log);
        cluster.hosts.add(
            new HostProcess(
                number,
                cluster.postgres.url(),
                cluster.postgres.port(),
                number > count ? List.of("--weight", "0") : List.of(),
                log));
      }
      for (HostProcess host : cluster.hosts) {
        host.start();
      }
      for (HostProcess host : cluster.hosts) {
        host.awaitServing();
      }
      cluster.awaitSlots();
      for (HostProcess host : cluster.hosts.subList(0, count)) {
        Patience.awaitStored(host + " has slots", () -> cluster.slots(host) > 0);
      }
      return cluster;
    } catch (IOException | InterruptedException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  List<HostProcess> hosts() {
    return hosts;
  }

  TestPostgres postgres() {
    return postgres;
  }

  /** Waits until every slot has a host that is there. */
  void awaitSlots() throws InterruptedException {
    Patience.awaitStored(
        "a host for every slot",
        () ->
            count("SELECT count(*) FROM slots WHERE host IN (SELECT host FROM hosts)")
                == Slots.COUNT);
  }

  /** How many slots this host has. */
  int slots(HostProcess host) {
    return count(
        "SELECT count(*) FROM slots JOIN hosts USING (host) WHERE hosts.address = '"
            + host.advertised()
            + "'");
  }

  private int count(String query) {
    try {
      return Integer.parseInt(postgres.query(query).strip());
    } catch (IOException e) {
      return -1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() throws IOException {
    hosts.forEach(HostProcess::close);
    postgres.close();
  }
}
