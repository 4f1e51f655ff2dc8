package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.v1.Broken;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** {@link DurableObjectState#abort}, from wherever it may be called. */
final class AbortTest {
  @Test
  void aMethodAbortsItsOwnTurn() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("abort")) {
                    probe.state().abort("enough");
                  }
                  Probe.reply(reply, "call " + probe.calls);
                }))) {
      TestStub other = host.stub("a");
      assertThat(other.ask("")).isEqualTo("call 1");
      Broken broken = host.stub("a").call("abort", "behind").broken("OBJECT_RESET");
      assertThat(broken.getCompletedThrough()).isEqualTo(0);
      assertThat(broken.getFailedSequence()).isEqualTo(1);
      assertThat(broken.getRetryable()).isTrue();
      assertThat(broken.getCause().getMessage()).contains("enough");
      assertThat(other.ask("")).isEqualTo("call 1");
    }
  }

  @Test
  void anotherThreadAbortsTheTurn() throws Exception {
    CountDownLatch forever = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("abort")) {
                    Thread.startVirtualThread(() -> probe.state().abort("from outside"));
                    forever.await();
                  }
                  Probe.reply(reply, "call " + probe.calls);
                }))) {
      host.stub("a").call("abort").broken("OBJECT_RESET");
      assertThat(host.stub("a").ask("")).isEqualTo("call 1");
    }
  }

  @Test
  void anAbortBetweenTurnsTakesTheInstance() throws Exception {
    AtomicReference<DurableObjectState> state = new AtomicReference<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  state.set(probe.state());
                  Probe.reply(reply, "call " + probe.calls);
                }))) {
      TestStub stub = host.stub("a");
      assertThat(stub.ask("")).isEqualTo("call 1");
      assertThat(stub.ask("")).isEqualTo("call 2");
      state.get().abort("between turns");
      state.get().abort("once more");
      assertThat(stub.ask("")).isEqualTo("call 1");
    }
  }

  @Test
  void aFactoryThatAbortsRunsNoMethodOfThatInstance() throws Exception {
    AtomicInteger made = new AtomicInteger();
    List<String> ran = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            state -> {
              int number = made.incrementAndGet();
              if (number == 1) {
                state.abort("in the factory");
              }
              return new Probe(
                  state,
                  (probe, request, reply) -> {
                    ran.add(request.getText() + " on " + number);
                    Probe.echo(probe, request, reply);
                  },
                  null);
            })) {
      host.stub("a").call("1").broken("OBJECT_RESET");
      assertThat(host.stub("a").ask("2")).isEqualTo("2");
      assertThat(ran).containsExactly("2 on 2");
    }
  }

  @Test
  void noTurnBeginsOnAnInstanceThatHasBeenAborted() throws Exception {
    AtomicReference<@Nullable DurableObjectState> current = new AtomicReference<>();
    ConcurrentHashMap.KeySetView<Object, Boolean> aborted = ConcurrentHashMap.newKeySet();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  // One that is cut off may get this far, too; but it is not answered.
                  boolean offence = aborted.contains(probe.state());
                  current.set(probe.state());
                  Probe.reply(reply, offence ? "offence" : "fine");
                }))) {
      TestStub stub = host.stub("a");
      Thread aborter =
          Thread.startVirtualThread(
              () -> {
                while (!Thread.currentThread().isInterrupted()) {
                  DurableObjectState state = current.getAndSet(null);
                  if (state != null) {
                    state.abort("again");
                    aborted.add(state);
                  }
                  Thread.onSpinWait();
                }
              });
      for (int i = 0; i < 2_000; i++) {
        stub.call("x");
        int wanted = i;
        TestStub asked = stub;
        Wait.until(() -> asked.isOver() || asked.outcomes() > 0, "an answer to call " + wanted);
        if (stub.outcomes() > 0) {
          assertThat(stub.outcome(1).getText()).isEqualTo("fine");
        }
        stub.cancel();
        stub = host.stub("a");
      }
      aborter.interrupt();
      aborter.join();
      assertThat(stub.ask("in the end")).isEqualTo("fine");
    }
  }

  @Test
  void aStateOutlivesItsInstanceHarmlessly() throws Exception {
    List<DurableObjectState> states = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  states.add(probe.state());
                  if (request.getText().equals("abort")) {
                    probe.state().abort("enough");
                  }
                  Probe.reply(reply, "call " + probe.calls);
                }))) {
      host.stub("a").call("abort").broken("OBJECT_RESET");
      TestStub stub = host.stub("a");
      assertThat(stub.ask("")).isEqualTo("call 1");
      states.getFirst().abort("the dead can't");
      assertThat(stub.ask("")).isEqualTo("call 2");
      try {
        states.getFirst().storage().get("key");
        throw new AssertionError("the storage of a discarded instance could be read");
      } catch (IllegalStateException expected) {
        assertThat(expected).hasMessageThat().contains("discarded");
      }
    }
  }
}
