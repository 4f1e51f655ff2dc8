package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.FaultyStorage;
import dev.seriatim.service.storage.StorageEngine;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What operators and tests do to objects, in memory and in a database. */
final class OrderTest {
  private static final HostLimits LIMITS =
      HostLimits.builder().idleLimit(Duration.ofHours(1)).build();

  private static final ByteString VALUE = ByteString.copyFromUtf8("value");
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant LATER = Instant.parse("2100-01-01T00:00:00Z");

  @TempDir Path directory;

  /** The last instance that was made. */
  private final AtomicReference<Instance> last = new AtomicReference<>();

  /** Where objects are kept. */
  enum Store {
    MEMORY,
    SQLITE
  }

  private TestObjects objects(Store store, DurableObjectFactory factory) {
    return new TestObjects(
        LIMITS,
        factory,
        StorageEngine.open(
            (store == Store.MEMORY ? StorageOptions.memory() : StorageOptions.sqlite(directory))
                // It stands still: an alarm that has failed isn't tried again by itself.
                .withClock(InstantSource.fixed(NOW))));
  }

  private Probe echo(DurableObjectState state) {
    last.set((Instance) state);
    return new Probe(state, Probe::echo, null);
  }

  private static <T> CompletableFuture<T> run(TestObjects objects, TurnCode<T> code) {
    return objects.directory.control().runTurn(objects.address("a"), code);
  }

  private static boolean put(DurableObjectState state) {
    state.storage().put("k", VALUE);
    return true;
  }

  private static Optional<ByteString> get(TestObjects objects) throws Exception {
    return Wait.on(run(objects, state -> state.storage().get("k")), "a turn that reads");
  }

  private static BreakException refusal(CompletableFuture<?> order) {
    Throwable cause =
        assertThrows(ExecutionException.class, () -> Wait.on(order, "the refusal")).getCause();
    assertThat(cause).isInstanceOf(BreakException.class);
    return (BreakException) requireNonNull(cause);
  }

  private static void assertAllIsLetGoOf(TestObjects objects) {
    Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");
    assertThat(objects.directory.host().drain().others()).isEqualTo(0);
    objects.object("a").evict(Long.MAX_VALUE, EvictionReason.IDLE);
    objects.directory.retire(objects.object("a"));
    assertThat(objects.directory.objects()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aTurnRunsOnTheStorageOfAnObjectWhoseFactoryThrows(Store store) throws Exception {
    AtomicBoolean broken = new AtomicBoolean(true);
    try (TestObjects objects =
        objects(
            store,
            state -> {
              if (broken.get()) {
                throw new IllegalStateException("the factory is broken");
              }
              return new Probe(state, Probe::echo, null);
            })) {
      RecordingAttachment failing = new RecordingAttachment();
      objects.open("a", failing).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(failing::isClosed, "the break of a stub whose object can't be started");

      Wait.on(run(objects, OrderTest::put), "a turn that writes");
      assertThat(get(objects)).hasValue(VALUE);
      String name = Wait.on(run(objects, state -> state.name().orElse("")), "a turn that asks");
      assertThat(name).isEqualTo("a");
      broken.set(false);
      RecordingAttachment sink = new RecordingAttachment();
      Session stub = objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> sink.outcomes() == 1, "the outcome");
      stub.cancel();
      assertAllIsLetGoOf(objects);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatATurnWritesIsSeenByANewInstanceBehindTheSameStub(Store store) throws Exception {
    AtomicInteger made = new AtomicInteger();
    try (TestObjects objects =
        objects(
            store,
            state -> {
              made.incrementAndGet();
              last.set((Instance) state);
              return new Probe(state, Probe::echo, null);
            })) {
      RecordingAttachment sink = new RecordingAttachment();
      Session stub = objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> sink.outcomes() == 1, "the first outcome");

      assertThat(get(objects)).isEmpty();
      assertThat(made.get()).isEqualTo(1);
      Instance first = requireNonNull(last.get());
      Wait.on(run(objects, OrderTest::put), "a turn that writes");
      assertThat(first.isSpent()).isTrue();
      stub.add(TestObjects.invocations(2, "x"), 1);
      Wait.until(() -> sink.outcomes() == 2, "the second outcome");
      assertThat(made.get()).isEqualTo(2);
      assertThat(get(objects)).hasValue(VALUE);
      assertThat(sink.breaches()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aTurnThatReadsOnlyLeavesTheInstance(Store store) throws Exception {
    try (TestObjects objects = objects(store, this::echo)) {
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> sink.outcomes() == 1, "the outcome");
      Instance first = requireNonNull(last.get());
      assertThat(get(objects)).isEmpty();
      assertThat(first.isSpent()).isFalse();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aTurnThatThrowsHasNoEffect(Store store) throws Exception {
    try (TestObjects objects = objects(store, Probe.doing(Probe::echo))) {
      CompletableFuture<Boolean> order =
          run(
              objects,
              state -> {
                put(state);
                throw new java.io.IOException("no");
              });
      ExecutionException thrown =
          assertThrows(ExecutionException.class, () -> Wait.on(order, "the failure"));
      assertThat(thrown).hasCauseThat().hasMessageThat().isEqualTo("no");
      assertThat(get(objects)).isEmpty();
      Wait.on(run(objects, OrderTest::put), "a turn that writes");
      Wait.on(
          run(
              objects,
              state -> {
                state.storage().deleteAll();
                return true;
              }),
          "a turn that deletes");
      Map<String, ByteString> left =
          Wait.on(
              run(objects, state -> state.storage().list(ListOptions.all())), "a turn that lists");
      assertThat(left).isEmpty();
      assertAllIsLetGoOf(objects);
    }
  }

  @Test
  void ordersWaitForTheTurnThatRuns() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        objects(
            Store.MEMORY,
            Probe.doing(
                (probe, request, reply) -> {
                  entered.countDown();
                  leave.await();
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "x"), 1);
      Wait.on(entered, "the turn");
      CompletableFuture<Integer> run = run(objects, state -> sink.outcomes());
      CompletableFuture<Boolean> evicted = objects.directory.control().evict(objects.address("a"));
      assertThat(run.isDone()).isFalse();
      assertThat(evicted.isDone()).isFalse();
      leave.countDown();
      Wait.on(run, "the operator's turn");
      assertThat(Wait.on(evicted, "the eviction")).isTrue();
      assertThat(Wait.on(objects.directory.control().evict(objects.address("a")), "another"))
          .isFalse();
      assertThat(sink.isClosed()).isFalse();
    }
  }

  @Test
  void nothingIsMadeToEvictWhatIsNotLive() throws Exception {
    try (TestObjects objects = objects(Store.MEMORY, Probe.doing(Probe::echo))) {
      assertThat(Wait.on(objects.directory.control().evict(objects.address("a")), "an eviction"))
          .isFalse();
      assertThat(objects.directory.control().reset(objects.address("a").id(), "why")).isFalse();
      assertThat(objects.directory.objects()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aResetCutsTheTurnOffAndBreaksEveryStub(Store store) throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        objects(
            store,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("hang")) {
                    probe.state().storage().put("k", VALUE);
                    entered.countDown();
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment hanging = new RecordingAttachment();
      objects.open("a", hanging).add(TestObjects.invocations(1, "hang"), 1);
      Wait.on(entered, "the turn");
      RecordingAttachment idle = new RecordingAttachment();
      objects.open("a", idle);
      RecordingAttachment elsewhere = new RecordingAttachment();
      objects.open("b", elsewhere);

      assertThat(objects.directory.control().reset(objects.address("a").id(), "it hangs")).isTrue();
      for (RecordingAttachment each : new RecordingAttachment[] {hanging, idle}) {
        Wait.until(each::isClosed, "the break");
        assertThat(requireNonNull(each.broken()).getCause().getMessage())
            .isEqualTo("an operator has reset the object: it hangs");
        assertThat(each.broken().getCause().getDetails(0).toString()).contains("OBJECT_RESET");
      }
      assertThat(elsewhere.isClosed()).isFalse();
      assertThat(get(objects)).isEmpty();
      RecordingAttachment next = new RecordingAttachment();
      objects.open("a", next).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> next.outcomes() == 1, "an outcome of the next instance");
    } finally {
      leave.countDown();
    }
  }

  @Test
  void aResetOfAnObjectThatRestsDiscardsItsInstance() throws Exception {
    try (TestObjects objects = objects(Store.MEMORY, this::echo)) {
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> sink.outcomes() == 1, "the outcome");
      Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");
      Instance first = requireNonNull(last.get());
      assertThat(objects.directory.control().reset(objects.address("a").id(), "why")).isTrue();
      Wait.until(sink::isClosed, "the break");
      assertThat(first.isSpent()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  void anAlarmRunsBeforeItIsDue(Store store) throws Exception {
    AtomicInteger ran = new AtomicInteger();
    AtomicBoolean fails = new AtomicBoolean();
    try (TestObjects objects =
        objects(
            store,
            Probe.doing(
                Probe::echo,
                (probe, alarm) -> {
                  ran.incrementAndGet();
                  if (fails.get()) {
                    throw new IllegalStateException("not yet");
                  }
                  put(probe.state());
                }))) {
      ObjectControl control = objects.directory.control();
      objects.directory.startAlarms();
      assertThat(Wait.on(control.runAlarm(objects.address("a")), "no alarm")).isFalse();
      Wait.on(run(objects, OrderTest::setAlarm), "the alarm set");
      fails.set(true);
      BreakException refusal = refusal(control.runAlarm(objects.address("a")));
      assertThat(refusal.cause().reason()).isEqualTo(BreakReason.OBJECT_EXCEPTION);
      assertThat(refusal).hasMessageThat().contains("not yet");
      Optional<Instant> again =
          Wait.on(run(objects, state -> state.storage().getAlarm()), "the next try");
      assertThat(again.orElseThrow()).isLessThan(LATER);
      fails.set(false);
      assertThat(Wait.on(control.runAlarm(objects.address("a")), "the alarm")).isTrue();
      assertThat(ran.get()).isAtLeast(2);
      assertThat(get(objects)).hasValue(VALUE);
      assertThat(Wait.on(control.runAlarm(objects.address("a")), "no alarm any more")).isFalse();
    }
  }

  private static boolean setAlarm(DurableObjectState state) {
    state.storage().setAlarm(LATER);
    return true;
  }

  @Test
  void anAlarmThatNobodyCanRunIsRefusedAndStays() throws Exception {
    try (TestObjects objects =
        objects(
            Store.MEMORY,
            state -> {
              throw new IllegalStateException("the factory is broken");
            })) {
      objects.directory.startAlarms();
      Wait.on(run(objects, OrderTest::setAlarm), "the alarm set");
      BreakException refusal = refusal(objects.directory.control().runAlarm(objects.address("a")));
      assertThat(refusal.cause().reason()).isEqualTo(BreakReason.OBJECT_START_FAILED);
      Optional<Instant> alarm =
          Wait.on(run(objects, state -> state.storage().getAlarm()), "the alarm");
      assertThat(alarm).isPresent();
    }
  }

  @Test
  void aTurnThatTakesTooLongIsCutOff() throws Exception {
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            HostLimits.builder().turnLimit(Duration.ofSeconds(1)).build(),
            Probe.doing(Probe::echo))) {
      BreakException refusal =
          refusal(
              run(
                  objects,
                  state -> {
                    put(state);
                    leave.await();
                    return true;
                  }));
      assertThat(refusal.cause().reason()).isEqualTo(BreakReason.INVOCATION_TIMED_OUT);
      assertThat(get(objects)).isEmpty();
      assertAllIsLetGoOf(objects);
    } finally {
      leave.countDown();
    }
  }

  @Test
  void aTurnWhoseCommitIsLostFails() throws Exception {
    AtomicBoolean fails = new AtomicBoolean(true);
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(Probe::echo),
            FaultyStorage.open(
                StorageOptions.sqlite(directory),
                new FaultyStorage.Commits() {
                  @Override
                  public void afterWrites() throws SQLException {
                    if (fails.get()) {
                      throw new SQLException("out of order");
                    }
                  }

                  @Override
                  public void beforeNotify() {}
                }))) {
      BreakException refusal = refusal(run(objects, OrderTest::put));
      assertThat(refusal.cause().reason()).isEqualTo(BreakReason.OBJECT_RESET);
      assertThat(refusal).hasMessageThat().contains("out of order");
      fails.set(false);
      assertThat(get(objects)).isEmpty();
      Wait.on(run(objects, OrderTest::put), "a turn that writes");
      assertThat(get(objects)).hasValue(VALUE);
    }
  }

  @Test
  void whenThereIsNoThreadTheOrderIsRefused() throws Exception {
    AtomicBoolean exhausted = new AtomicBoolean();
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(Probe::echo),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            task -> {
              if (exhausted.get()) {
                throw new OutOfMemoryError("unable to create a thread");
              }
              Thread.startVirtualThread(task);
            },
            System::nanoTime)) {
      exhausted.set(true);
      assertThat(refusal(run(objects, OrderTest::put)))
          .hasMessageThat()
          .contains("unable to create a thread");
      exhausted.set(false);
      Wait.on(run(objects, OrderTest::put), "a turn that writes");
      assertThat(get(objects)).hasValue(VALUE);
      assertAllIsLetGoOf(objects);
    }
  }

  @Test
  void aDrainWaitsForTheTurnThatRunsAndLetsNoOtherBegin() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects = objects(Store.MEMORY, Probe.doing(Probe::echo))) {
      CompletableFuture<Boolean> running =
          run(
              objects,
              state -> {
                entered.countDown();
                leave.await();
                return put(state);
              });
      Wait.on(entered, "the turn");
      CompletableFuture<Boolean> waiting = run(objects, OrderTest::put);
      Thread drain =
          Thread.startVirtualThread(
              () -> {
                try {
                  objects.directory.drain();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
              });
      Wait.until(objects.directory::isDraining, "the drain");
      leave.countDown();
      Wait.on(running, "the turn that ran");
      assertThat(refusal(waiting).cause().reason()).isEqualTo(BreakReason.HOST_DRAINING);
      assertThat(refusal(objects.directory.control().runAlarm(objects.address("a"))))
          .hasMessageThat()
          .contains("shutting down");
      drain.join();
    }
  }
}
