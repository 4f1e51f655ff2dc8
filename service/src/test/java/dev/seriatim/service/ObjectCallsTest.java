package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Objects that call each other: who waits for whom, and who doesn't any more. */
final class ObjectCallsTest {
  /** What each object does, by its name. */
  private final Map<String, Probe.Method> methods = new ConcurrentHashMap<>();

  private volatile Probe.@Nullable Alarm alarm;
  private final TestHost host;

  ObjectCallsTest() throws Exception {
    host = TestHost.of(Probe.doing(this::turn, this::alarm));
  }

  @AfterEach
  void close() {
    host.close();
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply) throws Exception {
    Probe.Method method = methods.get(probe.state().name().orElseThrow());
    (method == null ? (Probe.Method) Probe::echo : method).call(probe, request, reply);
  }

  private void alarm(Probe probe, AlarmHandler.DueAlarm due) throws Exception {
    requireNonNull(alarm).run(probe, due);
  }

  private static Channel channel(Probe probe, String name) {
    // Kept until the host ends: a stub may outlive the turn that opened it.
    @SuppressWarnings("MustBeClosed")
    DurableObjectStub stub = probe.state().objects().namespace(TestHost.PROBE).getByName(name);
    return stub.channel();
  }

  /** Calls an object and waits for its answer. */
  private static String ask(Probe probe, String name, String text) {
    return ProbeGrpc.newBlockingStub(channel(probe, name)).do_(Probe.words(text)).getText();
  }

  /** Calls an object and doesn't wait. */
  private static CompletableFuture<String> call(Probe probe, String name, String text) {
    ListenableFuture<Words> future =
        ProbeGrpc.newFutureStub(channel(probe, name)).do_(Probe.words(text));
    CompletableFuture<String> answer = new CompletableFuture<>();
    future.addListener(
        () -> {
          try {
            answer.complete(future.get().getText());
          } catch (ExecutionException e) {
            answer.completeExceptionally(requireNonNull(e.getCause()));
          } catch (InterruptedException | RuntimeException e) {
            answer.completeExceptionally(e);
          }
        },
        Runnable::run);
    return answer;
  }

  private static String failure(CompletableFuture<String> answer) {
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> Wait.on(answer, "the end of a call"));
    return String.valueOf(requireNonNull(e.getCause()).getMessage());
  }

  // ---- who waits

  @Test
  void aTurnThatHasEndedWaitsForNothing() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    CompletableFuture<CompletableFuture<String>> future = new CompletableFuture<>();
    methods.put(
        "a",
        (probe, request, reply) -> {
          if (request.getText().equals("begin")) {
            future.complete(call(probe, "b", "call back"));
          }
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "b",
        (probe, request, reply) -> {
          Wait.on(ended, "the end of the turn of a");
          Probe.reply(reply, ask(probe, "a", "back"));
        });
    for (int round = 0; round < 3; round++) {
      assertThat(host.stub("a").ask("begin")).isEqualTo("begin");
      // Its next turn comes only when that one has ended.
      assertThat(host.stub("a").ask("behind")).isEqualTo("behind");
      ended.countDown();
      assertThat(Wait.on(Wait.on(future, "the call of b"), "the answer of b")).isEqualTo("back");
    }
  }

  @Test
  void aTurnThatRunsWaitsForWhatItHasCalled() throws Exception {
    methods.put(
        "a", (probe, request, reply) -> Probe.reply(reply, ask(probe, "b", request.getText())));
    methods.put(
        "b",
        (probe, request, reply) ->
            Probe.reply(
                reply,
                request.getText().equals("back") ? ask(probe, "a", "again") : request.getText()));
    for (int round = 0; round < 3; round++) {
      String message =
          host.stub("a").call("back").broken("OBJECT_EXCEPTION").getCause().getMessage();
      assertThat(message).contains("PROBE/a waits for this call");
      assertThat(message).contains("PROBE/a > PROBE/b");
      assertThat(host.stub("a").ask("on")).isEqualTo("on");
    }
  }

  @Test
  void aTurnRunsUntilItsReplyWhereverThatComesFrom() throws Exception {
    methods.put(
        "a",
        (probe, request, reply) -> {
          CompletableFuture<Void> _ =
              call(probe, "b", "x")
                  // In the listener, on another thread, with the context of the turn.
                  .handle((text, thrown) -> failure(call(probe, "c", "back")))
                  .thenAccept(text -> Probe.reply(reply, text));
        });
    methods.put("c", (probe, request, reply) -> Probe.reply(reply, ask(probe, "a", "from c")));
    for (int round = 0; round < 2; round++) {
      assertThat(host.stub("a").ask("begin")).contains("PROBE/a > PROBE/c");
    }
  }

  @Test
  void nobodyWaitsThroughATurnThatHasEnded() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    CompletableFuture<CompletableFuture<String>> future = new CompletableFuture<>();
    CountDownLatch goOn = new CountDownLatch(1);
    methods.put(
        "a",
        (probe, request, reply) -> {
          if (request.getText().equals("begin")) {
            ask(probe, "b", "");
            ended.countDown();
            Wait.on(goOn, "the call of c");
          }
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "b",
        (probe, request, reply) -> {
          future.complete(call(probe, "c", ""));
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "c",
        (probe, request, reply) -> {
          Wait.on(ended, "the end of the turn of b");
          CompletableFuture<String> answer = call(probe, "a", "from c");
          goOn.countDown();
          Probe.reply(reply, Wait.on(answer, "the answer of a"));
        });
    assertThat(host.stub("a").ask("begin")).isEqualTo("begin");
    assertThat(Wait.on(Wait.on(future, "the call of c"), "the answer of c")).isEqualTo("from c");
  }

  @Test
  void anAlarmIsATurnLikeOthers() throws Exception {
    CompletableFuture<String> refused = new CompletableFuture<>();
    CountDownLatch ended = new CountDownLatch(1);
    CompletableFuture<String> late = new CompletableFuture<>();
    methods.put(
        "a",
        (probe, request, reply) -> {
          if (request.getText().equals("set")) {
            probe.state().storage().setAlarm(Instant.EPOCH);
          }
          Probe.echo(probe, request, reply);
        });
    alarm =
        (probe, due) -> {
          refused.complete(failure(call(probe, "b", "now")));
          CompletableFuture<Void> _ = call(probe, "b", "later").thenAccept(late::complete);
        };
    methods.put(
        "b",
        (probe, request, reply) -> {
          if (request.getText().equals("later")) {
            Wait.on(ended, "the end of the alarm");
          }
          Probe.reply(reply, ask(probe, "a", "back"));
        });
    assertThat(host.stub("a").ask("set")).isEqualTo("set");
    assertThat(Wait.on(refused, "the refusal")).contains("PROBE/a waits for this call");
    assertThat(host.stub("a").ask("behind")).isEqualTo("behind");
    ended.countDown();
    assertThat(Wait.on(late, "the late answer")).isEqualTo("back");
  }

  // ---- calls that are made when the turn has ended

  /** With metadata and with a timeout a turn has a context of its own, which must not end it. */
  @Test
  void aListenerThatRunsBehindTheTurnMayCall() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    CompletableFuture<CompletableFuture<String>> future = new CompletableFuture<>();
    methods.put(
        "a",
        (probe, request, reply) -> {
          probe.state().storage().put("k", ByteString.EMPTY);
          future.complete(call(probe, "b", "b").thenApply(text -> text + ask(probe, "c", "c")));
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "b",
        (probe, request, reply) -> {
          Wait.on(answer, "the word of the test");
          Probe.echo(probe, request, reply);
        });
    TestStub stub = host.stub("a");
    stub.call("1");
    stub.call("2", call -> call.putMetadata("colour", "blue"));
    stub.call("3", call -> call.setTimeout(Durations.fromDays(1)));
    stub.outcome(3);
    answer.countDown();
    assertThat(Wait.on(Wait.on(future, "the call"), "the answer")).isEqualTo("bc");
  }

  @Test
  void everyTurnsFutureIsAnsweredThoughTheTurnHasEnded() throws Exception {
    Map<String, CompletableFuture<String>> futures = new ConcurrentHashMap<>();
    CountDownLatch answer = new CountDownLatch(1);
    methods.put(
        "a",
        (probe, request, reply) -> {
          futures.put(
              request.getText(),
              call(probe, "b", request.getText()).thenApply(text -> text + ask(probe, "c", text)));
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "b",
        (probe, request, reply) -> {
          Wait.on(answer, "the word of the test");
          Probe.echo(probe, request, reply);
        });
    TestStub stub = host.stub("a");
    stub.call("1");
    stub.call("2", call -> call.putMetadata("colour", "blue"));
    stub.call("3", call -> call.setTimeout(Durations.fromDays(1)));
    stub.call("4");
    stub.outcome(4);
    answer.countDown();
    for (String text : new String[] {"1", "2", "3", "4"}) {
      assertThat(Wait.on(requireNonNull(futures.get(text)), "answer " + text))
          .isEqualTo(text + text);
    }
  }

  @Test
  void whatAListenerCallsIsNotWaitedForByTheNextTurn() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    CountDownLatch inNextTurn = new CountDownLatch(1);
    CountDownLatch called = new CountDownLatch(1);
    CompletableFuture<CompletableFuture<String>> future = new CompletableFuture<>();
    methods.put(
        "a",
        (probe, request, reply) -> {
          switch (request.getText()) {
            case "begin" ->
                future.complete(
                    call(probe, "b", "").thenApply(text -> ask(probe, "c", "call back")));
            case "next" -> {
              inNextTurn.countDown();
              Wait.on(called, "the call of c");
            }
            default -> {}
          }
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "b",
        (probe, request, reply) -> {
          Wait.on(answer, "the word of the test");
          Probe.echo(probe, request, reply);
        });
    methods.put(
        "c",
        (probe, request, reply) -> {
          CompletableFuture<String> back = call(probe, "a", "back");
          called.countDown();
          Probe.reply(reply, Wait.on(back, "the answer of a"));
        });
    TestStub stub = host.stub("a");
    stub.ask("begin");
    stub.call("next");
    Wait.on(inNextTurn, "the next turn");
    answer.countDown();
    assertThat(stub.answer()).isEqualTo("next");
    assertThat(Wait.on(Wait.on(future, "the call"), "the answer of c")).isEqualTo("back");
  }

  @Test
  void anObjectThatCallsItselfIsRefused() {
    methods.put(
        "a", (probe, request, reply) -> Probe.reply(reply, ask(probe, "a", request.getText())));
    assertThat(host.stub("a").call("x").broken("OBJECT_EXCEPTION").getCause().getMessage())
        .contains("PROBE/a waits for this call, and would be called by it: PROBE/a");
  }
}
