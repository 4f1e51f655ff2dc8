package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import dev.seriatim.cluster.EdgeAndOwner;
import dev.seriatim.conformance.v1.Case;
import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.SessionLimits;
import dev.seriatim.service.StorageOptions;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every case through a host that has none of the objects: nobody can tell. */
final class EdgeConformanceTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Set<String> ALWAYS =
      Set.of("alarms", "own-call", "lanes", "sessions", "keys");

  /** A store that fails is the owner's, and is held to its cases where it is. */
  private static final Set<String> NOT_HERE = Set.of("bad-store");

  @TestFactory
  Stream<DynamicTest> calls() throws IOException {
    return cases(/* lanes= */ false);
  }

  @TestFactory
  Stream<DynamicTest> lanes() throws IOException {
    return cases(/* lanes= */ true);
  }

  private static Stream<DynamicTest> cases(boolean lanes) throws IOException {
    Hosts shared = new Hosts(ALWAYS, lanes);
    return CaseFiles.load().stream()
        .filter(one -> one.getRequiresList().stream().noneMatch(NOT_HERE::contains))
        .filter(one -> !lanes || !one.getRequiresList().contains("own-call"))
        .map(one -> DynamicTest.dynamicTest(one.getName(), () -> check(one, shared, lanes)))
        .onClose(shared::close);
  }

  private static void check(Case testCase, Hosts shared, boolean lanes)
      throws InterruptedException {
    CaseResult result;
    if (ALWAYS.containsAll(testCase.getRequiresList())) {
      result = new CaseRunner(shared, PATIENCE).run(testCase);
    } else {
      try (Hosts own = new Hosts(Set.copyOf(testCase.getRequiresList()), lanes)) {
        result = new CaseRunner(own, PATIENCE).run(testCase);
      }
    }
    assertWithMessage(result.message()).that(result.isFailure()).isFalse();
    assertWithMessage(result.message())
        .that(result.verdict())
        .isNotEqualTo(CaseResult.Verdict.SKIPPED);
  }

  /** An edge and an owner with the probe's namespaces. */
  private static final class Hosts implements Target, AutoCloseable {
    private final ProbeNamespaces atOwner = new ProbeNamespaces();
    private final Set<String> features;
    private final boolean lanes;
    private final EdgeAndOwner hosts;

    /** Where the owner's store is, if it has to outlive its host. */
    private final @Nullable Path directory;

    private Hosts(Set<String> features, boolean lanes) {
      this.features = features;
      this.lanes = lanes;
      HostLimits limits = limits(features);
      Path kept = features.contains("restart") ? temporaryDirectory() : null;
      directory = kept;
      hosts =
          new EdgeAndOwner(
              builder -> {
                add(new ProbeNamespaces(), builder, limits);
                Auth.addTo(builder, features);
              },
              builder -> {
                add(atOwner, builder, limits);
                if (kept != null) {
                  builder.storage(StorageOptions.sqlite(kept));
                }
              },
              Auth.tokens(features).getOrDefault("all", ""));
    }

    private static Path temporaryDirectory() {
      try {
        return Files.createTempDirectory("edge-conformance");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void add(
        ProbeNamespaces probes, DurableObjectHost.Builder builder, HostLimits limits) {
      builder.limits(limits);
      probes.addTo(builder);
    }

    private static HostLimits limits(Set<String> features) {
      HostLimits.Builder limits = HostLimits.builder();
      if (features.contains("turn-limit")) {
        limits.turnLimit(Duration.ofSeconds(2));
      }
      if (features.contains("queue-limit")) {
        limits.stubQueue(new HostLimits.QueueSize(64, 1 << 20));
      }
      if (features.contains("few-lanes")) {
        limits.connections(ConnectionLimits.defaults().withMaxLanesPerCall(16));
      }
      if (features.contains("few-instances")) {
        limits.maxInstances(16);
      }
      SessionLimits sessions = SessionLimits.defaults();
      if (features.contains("ack-limit")) {
        sessions = sessions.withMaxUnacknowledgedOutcomes(64);
      }
      if (features.contains("few-sessions")) {
        sessions = sessions.withMaxSessionsPerObject(4).withMaxIdempotencyKeysPerObject(4);
      }
      return limits.sessions(sessions).build();
    }

    @Override
    public ManagedChannel connect() {
      return new RemoteTarget("127.0.0.1:" + hosts.edge().port(), features, lanes, tokens())
          .connect();
    }

    @Override
    public boolean onLanes() {
      return lanes;
    }

    @Override
    public Map<String, String> tokens() {
      return Auth.tokens(features);
    }

    @Override
    public Set<String> features() {
      return features;
    }

    @Override
    public void drain() {
      Thread.ofVirtual()
          .name("drain")
          .start(
              () -> {
                try {
                  hosts.edge().drain();
                } catch (InterruptedException e) {
                  hosts.edge().close();
                }
              });
    }

    @Override
    public void restart() {
      hosts.restartOwner();
    }

    @Override
    public void openGate(String gate) {
      atOwner.world().gate(gate).release();
    }

    @Override
    public void close() {
      hosts.close();
      if (directory != null) {
        try {
          MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }
}
