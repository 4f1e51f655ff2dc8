package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.FailureCause;
import dev.seriatim.v1.Broken;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Credentials run out, and rights change, while stubs are open. */
final class CredentialsExpiryTest {
  /** So soon that the host looks again and again whether its clock has come so far. */
  private static final Duration SOON = Duration.ofMillis(1);

  /** Says that a token is good until the next tick of the clock, whenever it is asked. */
  private static Authenticator untilTheNextTick(AtomicReference<CallerHost> host) {
    return credentials -> {
      Instant now = host.get().clock.instant();
      return CallerHost.byName(credentials)
          .map(
              verified ->
                  new Authenticator.Verified(verified.caller(), Optional.of(now.plus(SOON))));
    };
  }

  private static CallerHost start(DurableObjectHost.Builder probes) throws Exception {
    AtomicReference<CallerHost> host = new AtomicReference<>();
    host.set(CallerHost.overNetwork(probes.authenticator(untilTheNextTick(host))));
    return host.get();
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "MANY"})
  void anIdleStubEndsWithItsCredentialsAndANewOneHasNewCredentials(Way way) throws Exception {
    try (CallerHost host = start(CallerHost.probes(Probe::echo))) {
      DurableObjectNamespace namespace = host.namespace("alice", way);
      DurableObjectStub one = namespace.getByName("a");
      DurableObjectStub other = namespace.getByName("b");
      assertThat(CallerHost.call(one, "hello")).isEqualTo("hello");
      assertThat(CallerHost.call(other, "hello")).isEqualTo("hello");
      host.clock.advance(SOON);
      for (DurableObjectStub stub : new DurableObjectStub[] {one, other}) {
        FailureCause cause = CallerHost.broken(stub);
        assertThat(cause.reason()).isEqualTo("CREDENTIALS_EXPIRED");
        assertThat(cause.retryable()).isTrue();
      }
      // The call that carried it, if it is a shared one, isn't used any more.
      assertThat(CallerHost.call(namespace.getByName("a"), "again")).isEqualTo("again");
    }
  }

  @Test
  void aStubEndsBehindTheTurnThatItIsIn() throws Exception {
    CallerHost.Held held = new CallerHost.Held(1);
    try (CallerHost host = start(CallerHost.probes(held))) {
      TestStub stub = new TestStub(host.as("alice"), TestHost.byName("a"), Integer.MAX_VALUE);
      stub.call("hold", "never");
      held.awaitRunning();
      host.clock.advance(SOON);
      // Another stub of the same moment ends at once: by then the first has been told, or is soon.
      held.goOn();
      assertThat(stub.outcome(1).getText()).isEqualTo("hold");
      Broken broken = stub.broken("CREDENTIALS_EXPIRED");
      assertThat(broken.getCompletedThrough()).isAtLeast(1);
      assertThat(broken.getRetryable()).isTrue();
    }
  }

  @Test
  void newLanesOfACallWhoseCredentialsRanOutAreRefused() throws Exception {
    try (CallerHost host = start(CallerHost.probes(Probe::echo))) {
      LanesByHand lanes = new LanesByHand(host.as("alice"));
      lanes.open(1, "a");
      assertThat(lanes.answer(1)).isEqualTo("hello");
      host.clock.advance(SOON);
      assertThat(lanes.broken(1)).isEqualTo("CREDENTIALS_EXPIRED");
      lanes.open(2, "b");
      assertThat(lanes.broken(2)).isEqualTo("CREDENTIALS_EXPIRED");
    }
  }

  @Test
  void aResumableStubGoesOnWithNewCredentials() throws Exception {
    try (CallerHost host =
        start(
            CallerHost.probes(
                (probe, request, reply) ->
                    Probe.reply(reply, request.getText() + ++probe.calls)))) {
      DurableObjectStub stub = host.namespace("alice", Way.CONNECT).resumable().getByName("a");
      assertThat(CallerHost.call(stub, "hello")).isEqualTo("hello2");
      for (int i = 2; i < 5; i++) {
        host.clock.advance(SOON);
        assertThat(CallerHost.call(stub, "hello")).isEqualTo("hello" + 2 * i);
      }
      assertThat(stub.isBroken()).isFalse();
      stub.close();
    }
  }

  // ---- rights

  /** Rights that change. */
  private static final class Rights implements Authorizer {
    private volatile Access access = Access.all();
    private volatile Runnable listener = () -> {};

    @Override
    public Access access(
        Caller caller,
        String namespace,
        Optional<String> name,
        dev.seriatim.stub.DurableObjectId id) {
      return caller.name().equals("root") ? Access.all() : access;
    }

    @Override
    public void onChange(Runnable told) {
      listener = told;
    }

    void change(Access now) {
      access = now;
      listener.run();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "MANY"})
  void whatIsTakenAwayEndsTheStubsOfThoseConcerned(Way way) throws Exception {
    Rights rights = new Rights();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo).authenticator(CallerHost::byName).authorizer(rights))) {
      DurableObjectStub alices = host.stub("alice", way, "a");
      DurableObjectStub roots = host.stub("root", way, "a");
      assertThat(CallerHost.call(alices, "hello")).isEqualTo("hello");
      assertThat(CallerHost.call(roots, "hello")).isEqualTo("hello");

      rights.change(Access.methods(Set.of("Do")));
      FailureCause cause = CallerHost.broken(alices);
      assertThat(cause.reason()).isEqualTo("CREDENTIALS_EXPIRED");
      assertThat(cause.retryable()).isTrue();
      assertThat(CallerHost.call(roots, "hello")).isEqualTo("hello");

      DurableObjectStub fewer = host.stub("alice", way, "a");
      assertThat(CallerHost.call(fewer, "hello")).isEqualTo("hello");
      rights.change(Access.all()); // More than it had: it stays as it is.
      assertThat(CallerHost.call(fewer, "hello")).isEqualTo("hello");
      rights.change(Access.denied());
      assertThat(CallerHost.broken(fewer).reason()).isEqualTo("CREDENTIALS_EXPIRED");
      assertThat(host.call("alice", way, "a", "hello")).isEqualTo("PERMISSION_DENIED");
      assertThat(CallerHost.call(roots, ProbeGrpc.getDoOtherMethod(), "hello")).isEqualTo("hello");
    }
  }

  @Test
  void rightsThatChangeWhileTheyAreAskedForCount() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicReference<Runnable> listener = new AtomicReference<>(() -> {});
    AtomicReference<Access> access = new AtomicReference<>(Access.all());
    Authorizer slow =
        new Authorizer() {
          @Override
          public Access access(
              Caller caller,
              String namespace,
              Optional<String> name,
              dev.seriatim.stub.DurableObjectId id) {
            Access answer = access.get();
            if (asked.getCount() > 0) {
              asked.countDown();
              Wait.on(goOn, "the change");
            }
            return answer;
          }

          @Override
          public void onChange(Runnable told) {
            listener.set(told);
          }
        };
    try (CallerHost host =
            CallerHost.overNetwork(
                CallerHost.probes(Probe::echo).authenticator(CallerHost::byName).authorizer(slow));
        DurableObjectStub stub = host.stub("alice", Way.CONNECT, "a")) {
      var answer = stub.call(ProbeGrpc.getDoMethod(), Probe.words("hello"));
      Wait.on(asked, "the question");
      access.set(Access.denied());
      listener.get().run();
      goOn.countDown();
      assertThat(CallerHost.broken(stub).reason()).isEqualTo("CREDENTIALS_EXPIRED");
      assertWithMessage("the call is over").that(answer).isNotNull();
    }
  }
}
