package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.hash.Hashing;
import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.FailureCause;
import dev.seriatim.v1.Broken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tokens that are taken back, while stubs are open that were opened with them. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class TakenBackTest {
  private static final Duration OFTEN = Duration.ofMillis(5);

  @TempDir private Path folder;
  private Path file = Path.of("");

  @BeforeEach
  void begin() throws IOException {
    file = folder.resolve("tokens");
    tokens(line("a1", "alice", "people"), line("a2", "alice", "people"), line("b", "bob"));
  }

  private static String line(String token, String name, String... groups) {
    return "{\"sha256\": \"%s\", \"name\": \"%s\", \"groups\": [%s]}"
        .formatted(
            Hashing.sha256().hashString(token, StandardCharsets.UTF_8),
            name,
            String.join(", ", java.util.Arrays.stream(groups).map(g -> '"' + g + '"').toList()));
  }

  /** The file has these lines from now on, and was never without any. */
  private void tokens(String... lines) throws IOException {
    Path next = folder.resolve("next");
    Files.writeString(next, String.join("\n", lines));
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private CallerHost start(Probe.Method method) throws Exception {
    return CallerHost.overNetwork(
        CallerHost.probes(method).authenticator(Authenticators.tokens(file, OFTEN)));
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "MANY"})
  void aTokenThatIsTakenOutEndsItsStubsAndNoOthers(Way way) throws Exception {
    try (CallerHost host = start(Probe::echo)) {
      DurableObjectStub gone = host.stub("a1", way, "a");
      DurableObjectStub same = host.stub("a2", way, "a"); // The same caller, by another token.
      DurableObjectStub other = host.stub("b", way, "a");
      for (DurableObjectStub stub : new DurableObjectStub[] {gone, same, other}) {
        assertThat(CallerHost.call(stub, "hello")).isEqualTo("hello");
      }
      tokens(line("a2", "alice", "people"), line("b", "bob"));
      FailureCause cause = CallerHost.broken(gone);
      assertThat(cause.reason()).isEqualTo("CREDENTIALS_EXPIRED");
      assertThat(cause.retryable()).isTrue();
      for (Way each : Way.values()) { // Nor is it remembered.
        assertThat(host.call("a1", each, "a", "hello")).isEqualTo("UNAUTHENTICATED");
      }
      assertThat(CallerHost.call(same, "again")).isEqualTo("again");
      assertThat(CallerHost.call(other, "again")).isEqualTo("again");
    }
  }

  @Test
  void theStubEndsBehindTheTurnThatItIsIn() throws Exception {
    CallerHost.Held held = new CallerHost.Held(1);
    try (CallerHost host = start(held)) {
      TestStub stub = new TestStub(host.as("a1"), TestHost.byName("a"), Integer.MAX_VALUE);
      DurableObjectStub neighbour = host.stub("a1", Way.CONNECT, "b");
      assertThat(CallerHost.call(neighbour, "hello")).isEqualTo("hello");
      stub.call("hold", "never");
      held.awaitRunning();
      tokens(line("b", "bob"));
      assertThat(CallerHost.broken(neighbour).reason()).isEqualTo("CREDENTIALS_EXPIRED");
      held.goOn();
      assertThat(stub.outcome(1).getText()).isEqualTo("hold");
      Broken broken = stub.broken("CREDENTIALS_EXPIRED");
      assertThat(broken.getCompletedThrough()).isAtLeast(1);
      assertThat(broken.getRetryable()).isTrue();
    }
  }

  @Test
  void newLanesOfACallWhoseTokenIsGoneAreRefused() throws Exception {
    try (CallerHost host = start(Probe::echo)) {
      LanesByHand lanes = new LanesByHand(host.as("a1"));
      lanes.open(1, "a");
      assertThat(lanes.answer(1)).isEqualTo("hello");
      tokens(line("b", "bob"));
      assertThat(lanes.broken(1)).isEqualTo("CREDENTIALS_EXPIRED");
      lanes.open(2, "b");
      assertThat(lanes.broken(2)).isEqualTo("CREDENTIALS_EXPIRED");
    }
  }

  /** Says in which groups its caller is. */
  private static void groups(
      Probe probe,
      Object request,
      io.grpc.stub.StreamObserver<dev.seriatim.service.probe.Words> reply) {
    Probe.reply(reply, String.join(" ", DurableObjectState.CALLER.get().groups()));
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "MANY"})
  void aGroupThatIsTakenAwayTakesEffect(Way way) throws Exception {
    Authorizer people =
        (caller, namespace, name, id) ->
            caller.groups().contains("people") ? Access.all() : Access.denied();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(TakenBackTest::groups)
                .authenticator(Authenticators.tokens(file, OFTEN))
                .authorizer(people))) {
      DurableObjectStub stub = host.stub("a1", way, "a");
      DurableObjectStub other = host.stub("a2", way, "a");
      assertThat(CallerHost.call(stub, "")).isEqualTo("people");
      assertThat(CallerHost.call(other, "")).isEqualTo("people");
      tokens(line("a1", "alice"), line("a2", "alice", "people"), line("b", "bob"));
      assertThat(CallerHost.broken(stub).reason()).isEqualTo("CREDENTIALS_EXPIRED");
      assertThat(host.call("a1", way, "a", "")).isEqualTo("PERMISSION_DENIED");
      assertThat(host.call("a1", Way.HEADER, "a", "")).isEqualTo("PERMISSION_DENIED");
      assertThat(CallerHost.call(other, "")).isEqualTo("people");
    }
  }

  @Test
  void aResumableStubGoesOnWithWhatTheFileSaysNow() throws Exception {
    try (CallerHost host = start(TakenBackTest::groups)) {
      DurableObjectStub stub = host.namespace("a1", Way.CONNECT).resumable().getByName("a");
      assertThat(CallerHost.call(stub, "")).isEqualTo("people");
      tokens(line("a1", "alice", "editors"), line("b", "bob"));
      Wait.until(() -> CallerHost.call(stub, "").equals("editors"), "the new group");
      tokens(line("b", "bob"));
      Wait.until(() -> CallerHost.call(stub, "").equals("UNAUTHENTICATED"), "the refusal");
    }
  }

  @Test
  void aFileThatHasBecomeBadTakesNothingBack() throws Exception {
    try (CallerHost host = start(Probe::echo);
        Logged log = Logged.at("dev.seriatim.service.access.WatchedFile")) {
      DurableObjectStub stub = host.stub("a1", Way.CONNECT, "a");
      assertThat(CallerHost.call(stub, "hello")).isEqualTo("hello");
      tokens("bad");
      // Of this file: those of other tests are looked at, too, and are gone.
      Wait.until(
          () ->
              log.containing("stays in force").stream()
                  .anyMatch(message -> message.contains(file.toString())),
          "the complaint");
      assertThat(CallerHost.call(stub, "again")).isEqualTo("again");
      assertThat(host.call("a1", Way.HEADER, "a", "hello")).isEqualTo("hello");
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatDoesntCountAnyMoreOpensNothing(Way way) throws Exception {
    AtomicBoolean counts = new AtomicBoolean(true);
    Authenticator takingBack =
        credentials ->
            CallerHost.byName(credentials)
                .map(
                    known ->
                        new Authenticator.Verified(known.caller(), known.until(), counts::get));
    try (CallerHost host =
        CallerHost.overNetwork(CallerHost.probes(Probe::echo).authenticator(takingBack))) {
      assertThat(host.call("alice", way, "a", "hello")).isEqualTo("hello");
      counts.set(false);
      assertThat(host.call("alice", way, "a", "hello")).isEqualTo("CREDENTIALS_EXPIRED");
    }
  }
}
