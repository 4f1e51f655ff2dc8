package dev.seriatim.conformance.client;

import static com.google.common.collect.ImmutableSet.toImmutableSet;

import com.google.common.collect.ImmutableSet;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DriverOpen;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverStep;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Session;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Holds one client library to one case after the other. */
final class ClientCaseRunner {
  private static final String NAMESPACE = "PROBE";
  private static final String NAME = "foo";
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Driver driver;
  private final Carriage carriage;
  private @Nullable ImmutableSet<String> features; // Asked for when a case needs one.

  ClientCaseRunner(Driver driver) {
    this(driver, Carriage.OWN_CALLS);
  }

  /**
   * Runs cases.
   *
   * @param carriage how the client's stubs are carried, where a case doesn't say it
   */
  ClientCaseRunner(Driver driver, Carriage carriage) {
    this.driver = driver;
    this.carriage = carriage;
  }

  /** Plays the case against the driver, and says what came of it. Blocks. */
  ClientResult run(ClientCase given) throws InterruptedException {
    ClientCase testCase = carriage.of(given);
    if (!hasWhatIsNeeded(testCase)) {
      return new ClientResult(testCase, ClientResult.Verdict.SKIPPED, List.of());
    }
    List<DriverStep> steps = testCase.getCallerList().stream().map(this::complete).toList();
    try (ScriptedHost host = new ScriptedHost(testCase, opens(testCase, steps))) {
      DriverRequest request =
          DriverRequest.newBuilder()
              .setCase(testCase.getName())
              .setTarget(host.target())
              .setOptions(testCase.getOptions())
              .addAllSteps(steps)
              .build();
      DriverResponse response;
      try {
        response = driver.run(request);
      } catch (DriverException e) {
        host.callerIsDone();
        List<String> problems = new ArrayList<>();
        problems.add(e.getMessage());
        problems.addAll(host.end(Duration.ZERO));
        return new ClientResult(
            testCase,
            e.isHang() ? ClientResult.Verdict.HUNG : ClientResult.Verdict.CRASHED,
            problems);
      }
      host.callerIsDone();
      List<String> problems = new ArrayList<>(CallerComparison.compare(testCase, steps, response));
      problems.addAll(host.end(PATIENCE));
      return new ClientResult(
          testCase,
          problems.isEmpty() ? ClientResult.Verdict.PASSED : ClientResult.Verdict.FAILED,
          problems);
    } catch (IOException e) {
      throw new UncheckedIOException("the scripted host can't start", e);
    }
  }

  private boolean hasWhatIsNeeded(ClientCase testCase) throws InterruptedException {
    ImmutableSet<String> needed = features(testCase);
    return needed.isEmpty() || ask().containsAll(needed);
  }

  /** What the case needs of the library. */
  static ImmutableSet<String> features(ClientCase testCase) {
    return testCase.getRequiresList().stream()
        .filter(one -> !Carriage.requirements().contains(one))
        .collect(toImmutableSet());
  }

  /** What the driver's library has. One that doesn't say so has nothing of it. */
  private ImmutableSet<String> ask() throws InterruptedException {
    ImmutableSet<String> known = features;
    if (known != null) {
      return known;
    }
    try (Socket nobody = new Socket()) {
      nobody.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      DriverRequest request =
          DriverRequest.newBuilder()
              .setCase("features")
              .setTarget("127.0.0.1:" + nobody.getLocalPort())
              .build();
      known = ImmutableSet.copyOf(driver.run(request).getFeaturesList());
    } catch (DriverException e) {
      known = ImmutableSet.of();
    } catch (IOException e) {
      throw new UncheckedIOException("there is no free port", e);
    }
    features = known;
    return known;
  }

  /** Fills in what a case may leave out. */
  private DriverStep complete(DriverStep step) {
    DriverStep.Builder complete = step.toBuilder();
    switch (step.getStepCase()) {
      case OPEN -> {
        DriverOpen.Builder open = complete.getOpenBuilder();
        if (open.getNamespace().isEmpty()) {
          open.setNamespace(NAMESPACE);
        }
        if (open.hasIdOf()) {
          if (open.getIdOf().getNamespace().isEmpty()) {
            open.getIdOfBuilder().setNamespace(NAMESPACE);
          }
        } else if (open.getName().isEmpty() && open.getId().isEmpty()) {
          open.setName(NAME);
        }
      }
      case CALL -> {
        if (step.getCall().getText().isEmpty()) {
          complete.getCallBuilder().setText("#");
        }
      }
      case ID_FROM_NAME -> {
        if (step.getIdFromName().getNamespace().isEmpty()) {
          complete.getIdFromNameBuilder().setNamespace(NAMESPACE);
        }
      }
      default -> {}
    }
    return complete.build();
  }

  /** What the host must be asked for, in the order in which the stubs make their first call. */
  private static List<Open> opens(ClientCase testCase, List<DriverStep> steps) {
    Map<String, Open> stubs = new LinkedHashMap<>();
    List<Open> opens = new ArrayList<>();
    for (DriverStep step : steps) {
      if (step.hasOpen()) {
        DriverOpen open = step.getOpen();
        String name = open.hasIdOf() ? open.getIdOf().getName() : open.getName();
        Open.Builder expected = Open.newBuilder().setNamespace(open.getNamespace());
        if (name.isEmpty()) {
          expected.setId(open.hasIdOf() ? open.getIdOf().getDigits() : open.getId());
        } else {
          expected.setName(name);
        }
        if (open.getResumable()) {
          expected.setSession(Session.getDefaultInstance()); // Some session.
        }
        stubs.put(open.getStub(), expected.build());
      } else if (step.hasCall()) {
        Open open = stubs.remove(step.getCall().getStub());
        if (open != null) {
          int number = opens.size();
          boolean other = number < testCase.getHostCount() && testCase.getHost(number).hasOpen();
          opens.add(
              other
                  ? open.toBuilder()
                      .clearObject()
                      .mergeFrom(testCase.getHost(number).getOpen())
                      .build()
                  : open);
        }
      }
    }
    return opens;
  }
}
