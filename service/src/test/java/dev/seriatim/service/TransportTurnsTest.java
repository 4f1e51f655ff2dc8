package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.Invocation;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Exchanger;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Short turns run on the transport's threads, keep the same rules there, and may block. */
final class TransportTurnsTest {
  private static final int ATTEMPTS = 10_000;

  private final List<AutoCloseable> open = new ArrayList<>();
  private int port;

  /** What is left would go on beside other tests, and tell their listeners and logs of itself. */
  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  private void host(DurableObjectFactory factory) throws Exception {
    host(HostLimits.builder(), factory);
  }

  private void host(HostLimits.Builder limits, DurableObjectFactory factory) throws Exception {
    DurableObjectHost _ = host(limits, StorageOptions.memory(), factory);
  }

  /**
   * A host on whose clock a turn takes a thousandth of its time: whether a method's turns are short
   * depends on what they do, and not on what else the machine does.
   */
  private DurableObjectHost host(
      HostLimits.Builder limits, StorageOptions storage, DurableObjectFactory factory)
      throws Exception {
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    builder.nanos = () -> System.nanoTime() / 1_000;
    return host(builder, limits, storage, factory);
  }

  private DurableObjectHost host(
      DurableObjectHost.Builder builder,
      HostLimits.Builder limits,
      StorageOptions storage,
      DurableObjectFactory factory)
      throws Exception {
    DurableObjectHost host =
        builder
            .limits(limits.build())
            .storage(storage)
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory)
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    open.add(host);
    port = host.port();
    return host;
  }

  private ManagedChannel connection() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
    open.add(channel::shutdownNow);
    return channel;
  }

  private static TestStub stub(ManagedChannel connection, String name) {
    return new TestStub(connection, TestHost.byName(name), Integer.MAX_VALUE);
  }

  /** A stub on a connection of its own. */
  private TestStub stub(String name) {
    return stub(connection(), name);
  }

  /** Where the calling virtual thread runs. */
  private static String where() {
    assertThat(Thread.currentThread().isVirtual()).isTrue();
    String thread = Thread.currentThread().toString();
    return thread.contains("-ELG-") ? "on the transport" : "elsewhere";
  }

  /** Asks where turns run until they do so on the transport's thread. */
  private static void settle(TestStub stub) throws Exception {
    eventually(() -> stub.ask("where"), "on the transport");
  }

  /** A turn may be taken for a long one after all, on a machine that pauses; so once is enough. */
  private static void eventually(Callable<String> action, String expected) throws Exception {
    String last = "";
    for (int i = 0; i < ATTEMPTS; i++) {
      last = action.call();
      if (last.equals(expected)) {
        return;
      }
    }
    throw new AssertionError(
        "%d times, expected once '%s', last '%s'".formatted(ATTEMPTS, expected, last));
  }

  @Test
  void theFirstTurnsRunElsewhereAndShortOnesOnTheTransport() throws Exception {
    host(Probe.doing((probe, request, reply) -> Probe.reply(reply, where())));
    TestStub stub = stub("a");
    for (int i = 0; i < 50; i++) {
      assertThat(stub.ask("where")).isEqualTo("elsewhere");
    }
    settle(stub);
  }

  /** Of a key that nobody has used the host knows so, also after a restart. */
  @Test
  void aCallWithANewIdempotencyKeyStaysOnTheTransport(@TempDir Path directory) throws Exception {
    DurableObjectFactory probes =
        Probe.doing(
            (probe, request, reply) -> {
              probe.state().storage().put("k", ByteString.EMPTY);
              Probe.reply(reply, where());
            });
    AtomicInteger keys = new AtomicInteger();
    for (int start = 1; start <= 2; start++) {
      StorageOptions storage = StorageOptions.sqlite(directory);
      DurableObjectHost host = host(HostLimits.builder(), storage, probes);
      TestStub stub = stub("a");
      eventually(
          () -> {
            settle(stub);
            return stub.call("where", call -> withKey(call, keys.incrementAndGet())).answer();
          },
          "on the transport");
      // The same call again is no turn: what was said of it is said again.
      assertThat(stub.call("where", call -> withKey(call, keys.get())).answer())
          .isEqualTo("on the transport");
      host.close();
    }
  }

  private static Invocation.Builder withKey(Invocation.Builder call, int key) {
    return call.putMetadata("seriatim-idempotency-key", "key " + key);
  }

  /** It may hold a lock, and then the JVM falls over if a virtual thread is mounted on it. */
  @Test
  void turnsLeaveTheThreadOfACallerInTheSameProcessAlone() throws Exception {
    try (TestHost here =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) ->
                    Probe.reply(reply, Thread.currentThread().toString())))) {
      TestStub stub = here.stub("a");
      String caller = Thread.currentThread().getName();
      for (int i = 0; i < 5_000; i++) {
        assertThat(stub.ask("where")).doesNotContain("@" + caller);
      }
    }
  }

  @Test
  void aTurnThatNeverLeavesTheTransportHoldsUpNoNewConnection() throws Exception {
    Semaphore end = new Semaphore(0);
    AtomicReference<String> began = new AtomicReference<>("");
    Logged log = Logged.at("dev.seriatim.service.object.HeldTransport");
    host(
        HostLimits.builder().turnLimit(Duration.ofMillis(800)),
        Probe.doing(
            (probe, request, reply) -> {
              if (request.getText().equals("spin")) {
                began.set(where());
                while (!end.tryAcquire()) {
                  Thread.onSpinWait();
                }
              }
              Probe.reply(reply, where());
            }));
    try {
      eventually(
          () -> {
            began.set("");
            TestStub stub = stub("spins");
            settle(stub);
            stub.call("spin");
            Wait.until(() -> !began.get().isEmpty(), "the turn that spins");
            if (began.get().equals("elsewhere")) {
              end.release();
              stub.halfClose();
              stub.end();
            }
            return began.get();
          },
          "on the transport");
      Wait.until(() -> !log.events().isEmpty(), "the word that the transport's thread is held");
      // More than there are threads of the transport, so that one would come to each.
      for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors() + 2; i++) {
        assertThat(stub("n" + i).ask("where")).isEqualTo("elsewhere");
      }
      TestStub after = stub("after");
      for (int i = 0; i < 500; i++) {
        assertThat(after.ask("where")).isEqualTo("elsewhere");
      }
    } finally {
      end.release(1_000);
      log.close();
    }
  }

  /** Short turns make up for long ones, but not for those that hold the transport. */
  @Test
  void aMethodThatHeldTheTransportRunsElsewhereForATime() throws Exception {
    AtomicLong sum = new AtomicLong();
    try (Logged log = Logged.at("dev.seriatim.service.object.HeldTransport")) {
      host(
          Probe.doing(
              (probe, request, reply) -> {
                String where = where();
                if (request.getText().equals("compute")) {
                  // So much to do, and not so long, for the machine may have other things to do.
                  long seed = sum.get();
                  for (int i = 0; i < 400_000_000; i++) {
                    seed = seed * 6364136223846793005L + 1442695040888963407L;
                  }
                  sum.set(seed);
                }
                Probe.reply(reply, where);
              }));
      TestStub stub = stub("a");
      eventually(
          () -> {
            settle(stub);
            return stub.ask("compute");
          },
          "on the transport");
      Wait.until(() -> !log.events().isEmpty(), "the word that the transport's thread was held");
      for (int i = 0; i < 5_000; i++) {
        assertThat(stub.ask("where")).isEqualTo("elsewhere");
      }
    }
  }

  @Test
  void aTurnThatWaitsLeavesTheTransportToOthers() throws Exception {
    Semaphore go = new Semaphore(0);
    host(
        Probe.doing(
            (probe, request, reply) -> {
              String began = where();
              if (request.getText().equals("wait")) {
                go.acquire();
                Probe.reply(reply, began + ", then " + where());
              } else {
                Probe.reply(reply, began);
              }
            }));
    ManagedChannel connection = connection();
    TestStub waiting = stub(connection, "a");
    TestStub other = stub(connection, "b");
    eventually(
        () -> {
          settle(waiting);
          waiting.call("wait");
          settle(other);
          go.release();
          return waiting.answer();
        },
        "on the transport, then elsewhere");
  }

  @Test
  void twoTurnsOfOneConnectionMayWaitForEachOther() throws Exception {
    Exchanger<String> meeting = new Exchanger<>();
    host(
        Probe.doing(
            (probe, request, reply) ->
                Probe.reply(
                    reply,
                    request.getText().equals("where")
                        ? where()
                        : meeting.exchange(request.getText()))));
    ManagedChannel connection = connection();
    TestStub one = stub(connection, "a");
    TestStub two = stub(connection, "b");
    for (int i = 0; i < 100; i++) {
      settle(one);
      settle(two);
      one.call("one");
      assertThat(two.ask("two")).isEqualTo("one");
      assertThat(one.answer()).isEqualTo("two");
    }
  }

  @Test
  void aFactoryRunsElsewhere() throws Exception {
    Queue<String> factories = new ConcurrentLinkedQueue<>();
    DurableObjectFactory probes =
        Probe.doing((probe, request, reply) -> Probe.reply(reply, where()));
    host(
        state -> {
          factories.add(where());
          return probes.create(state);
        });
    ManagedChannel connection = connection();
    settle(stub(connection, "a"));
    assertThat(stub(connection, "b").ask("where")).isEqualTo("elsewhere");
    assertThat(factories).containsExactly("elsewhere", "elsewhere");
  }

  @Test
  void threadsThatAnObjectStartsRunElsewhere() throws Exception {
    host(
        Probe.doing(
            (probe, request, reply) -> {
              String began = where();
              if (request.getText().equals("where")) {
                Probe.reply(reply, began);
              } else {
                Thread.startVirtualThread(
                    () -> Probe.reply(reply, began + ", its thread " + where()));
              }
            }));
    TestStub stub = stub("a");
    eventually(
        () -> {
          settle(stub);
          return stub.ask("start");
        },
        "on the transport, its thread elsewhere");
  }

  @Test
  void aTurnThatThrowsOnTheTransportBreaksItsStubOnly() throws Exception {
    host(
        Probe.doing(
            (probe, request, reply) -> {
              if (request.getText().equals("throw")) {
                throw new IllegalStateException("as told");
              }
              Probe.reply(reply, where());
            }));
    ManagedChannel connection = connection();
    TestStub broken = stub(connection, "a");
    TestStub other = stub(connection, "a");
    settle(broken);
    broken.call("where", "throw", "where");
    broken.broken("OBJECT_EXCEPTION");
    settle(other);
  }

  @Test
  void turnsOfSeveralConnectionsNeverOverlap() throws Exception {
    AtomicInteger running = new AtomicInteger();
    host(
        Probe.doing(
            (probe, request, reply) -> {
              if (running.incrementAndGet() != 1) {
                throw new AssertionError("two turns at once");
              }
              running.decrementAndGet();
              Probe.echo(probe, request, reply);
            }));
    int frames = 50;
    int perFrame = 200;
    List<TestStub> stubs = List.of(stub("a"), stub("a"), stub("a"));
    for (int frame = 0; frame < frames; frame++) {
      for (TestStub stub : stubs) {
        stub.call(perFrame, Probe.words("x"));
      }
    }
    for (TestStub stub : stubs) {
      assertThat(stub.outcome(frames * perFrame).getText()).isEqualTo("x");
      stub.halfClose();
      stub.closed();
    }
  }

  @Test
  void aTurnThatBlocksIsCutOffAndItsThreadGoesOn() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    Set<String> begun = ConcurrentHashMap.newKeySet();
    DurableObjectHost _ =
        host(
            DurableObjectHost.builder(),
            HostLimits.builder(),
            StorageOptions.memory(),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().startsWith("block")) {
                    begun.add(request.getText());
                    never.await();
                  }
                  Probe.reply(reply, request.getText() + " " + probe.calls);
                }));
    TestStub stub = stub("a");
    assertThat(stub.ask("1")).isEqualTo("1 1");
    for (int i = 0; i < 20; i++) {
      TestStub blocked = stub("a");
      int millis = 1 + i;
      String text = "block " + i;
      blocked.call(text, call -> call.setTimeout(Durations.fromMillis(millis)));
      blocked.broken("INVOCATION_TIMED_OUT");
      boolean began = begun.contains(text); // Or its time ran out before its turn.
      // The instance is a new one, and the interrupt hits no later turn.
      String answer = stub.ask("2");
      if (began) {
        assertThat(answer).isEqualTo("2 1");
      }
    }
  }

  @Test
  void aReplyMayBeClosedLaterByAnotherThread() throws Exception {
    host(
        Probe.doing(
            (probe, request, reply) ->
                Thread.startVirtualThread(() -> Probe.echo(probe, request, reply))));
    TestStub stub = stub("a");
    stub.call("1", "2", "3");
    assertThat(stub.outcome(3).getText()).isEqualTo("3");
  }
}
