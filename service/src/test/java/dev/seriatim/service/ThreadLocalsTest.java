package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the threads see that run the object's code: nothing of those who have started them. */
final class ThreadLocalsTest {
  private static final InheritableThreadLocal<@Nullable String> SECRET =
      new InheritableThreadLocal<>();
  private static final Context.Key<String> CALLER = Context.key("caller");

  private final ClassLoader before = Thread.currentThread().getContextClassLoader();
  private final ClassLoader objects = new URLClassLoader("objects", new URL[0], before);

  /** What was seen, by where it was. */
  private final Map<String, String> seen = new ConcurrentHashMap<>();

  private final CompletableFuture<String> alarm = new CompletableFuture<>();
  private final CompletableFuture<String> cancelled = new CompletableFuture<>();
  private final CompletableFuture<String> answered = new CompletableFuture<>();

  @BeforeEach
  void set() {
    SECRET.set("the secret of the test");
    Thread.currentThread()
        .setContextClassLoader(new URLClassLoader("the test's", new URL[0], before));
  }

  @AfterEach
  void restore() {
    SECRET.remove();
    Thread.currentThread().setContextClassLoader(before);
  }

  private static String look() {
    return "%s, %s, %s"
        .formatted(
            SECRET.get(), CALLER.get(), Thread.currentThread().getContextClassLoader().getName());
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply) throws Exception {
    seen.put(request.getText(), look());
    SECRET.set("the secret of " + request.getText());
    switch (request.getText()) {
      case "alarm" -> probe.state().storage().setAlarm(Instant.EPOCH);
      case "listen" -> {
        Executor here = Runnable::run;
        Context.current().addListener(_ -> cancelled.complete(String.valueOf(SECRET.get())), here);
        probe.state().abort("by the test");
        return;
      }
      case "call" -> {
        try (var stub = probe.state().objects().namespace(TestHost.PROBE).getByName("other")) {
          var future = ProbeGrpc.newFutureStub(stub.channel()).do_(Probe.words("called"));
          future.addListener(() -> answered.complete(String.valueOf(SECRET.get())), Runnable::run);
        }
      }
      default -> {}
    }
    Probe.echo(probe, request, reply);
  }

  private DurableObjectFactory factory() {
    DurableObjectFactory factory =
        state -> {
          seen.put("the factory of " + state.name().orElse(""), look());
          return new Probe(state, this::turn, (_, _) -> alarm.complete(look()));
        };
    return (DurableObjectFactory)
        Proxy.newProxyInstance(
            objects,
            new Class<?>[] {DurableObjectFactory.class},
            (proxy, method, arguments) -> factory.create((DurableObjectState) arguments[0]));
  }

  @Test
  void aTurnSeesNothingOfWhoeverStartedItsThread() throws Exception {
    String nothing = "null, null, objects";
    // Clients on the host's own threads: the transport's thread is the test's.
    try (TestHost host = TestHost.direct(HostLimits.builder(), factory())) {
      Context.current()
          .withValue(CALLER, "the test")
          .run(
              () -> {
                TestStub stub = host.stub("a");
                stub.ask("first");
                host.stub("e").ask("alarm");
                for (int i = 0; i < 500; i++) {
                  stub.ask(
                      "many"); // So that they are short, and run on the thread that brings them.
                }
                host.stub("b").ask("of another");
                host.stub("c").ask("call");
                host.stub("d").call("listen").broken("OBJECT_RESET");
              });
      assertThat(seen.get("first")).isEqualTo(nothing);
      assertThat(seen.get("of another")).isEqualTo(nothing);
      assertThat(seen.get("the factory of a")).isEqualTo(nothing);
      assertThat(seen.get("the factory of other")).isEqualTo(nothing);
      // It may run on the thread of the turn that set it, which is the same object's.
      assertThat(Wait.on(alarm, "the alarm"))
          .isAnyOf(nothing, "the secret of alarm, null, objects");
      // If the answer is there at once, its listener runs in the turn.
      assertThat(Wait.on(answered, "the answer of another object"))
          .isAnyOf("null", "the secret of call");
      assertThat(seen.get("called")).isEqualTo(nothing);
      assertThat(Wait.on(cancelled, "the end of the instance's context")).isEqualTo("null");
      assertThat(seen.get("many")).endsWith("null, objects");
      assertThat(seen.get("many")).doesNotContain("the secret of the test");
    }
  }

  @Test
  void aTurnOfAnotherObjectSeesNothingOfTheOneBefore() throws Exception {
    try (TestHost host =
        TestHost.direct(HostLimits.builder().idleLimit(Duration.ofHours(1)), factory())) {
      for (int i = 0; i < 500; i++) {
        host.stub("a").ask("of a");
        host.stub("b").ask("of b");
        assertThat(seen.get("of a")).doesNotContain("of b");
        assertThat(seen.get("of b")).doesNotContain("of a");
      }
    }
  }
}
