package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Ascii;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.HostLimits.QueueSize;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What limits and options refuse, and that the longest times that they take work. */
final class LimitsTest {
  private static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private static Arguments refused(Executable set, String message) {
    return Arguments.of(set, message);
  }

  static Stream<Arguments> refused() {
    HostLimits.Builder limits = HostLimits.builder();
    StorageOptions options = StorageOptions.memory();
    return Stream.of(
        refused(
            () -> limits.turnLimit(Duration.ZERO),
            "turnLimit: PT0S, expected more than zero and at most 36500 days"),
        refused(
            () -> limits.turnLimit(LONGEST.plusNanos(1)),
            "turnLimit: PT876000H0.000000001S, expected more than zero and at most 36500 days"),
        refused(() -> limits.drainLimit(FOREVER), "drainLimit: " + FOREVER),
        refused(() -> limits.idleLimit(FOREVER), "idleLimit: " + FOREVER),
        refused(() -> new QueueSize(0, 1), "invocations: 0, expected 1 to 16777215"),
        refused(() -> new QueueSize(1 << 24, 1), "invocations: 16777216, expected 1 to 16777215"),
        refused(() -> new QueueSize(1, 0), "bytes: 0, expected 1 to 274877906943"),
        refused(
            () -> new QueueSize(1, 1L << 38), "bytes: 274877906944, expected 1 to 274877906943"),
        refused(
            () -> options.withStorePatience(Duration.ofSeconds(-1)),
            "storePatience: PT-1S, expected zero or more and at most 36500 days"),
        refused(() -> options.withStorePatience(FOREVER), "storePatience: " + FOREVER),
        refused(() -> options.withOwnershipWait(FOREVER), "ownershipWait: " + FOREVER),
        refused(() -> options.withLease(FOREVER, Duration.ofSeconds(3)), "lease: " + FOREVER),
        refused(() -> options.withLease(LONGEST, FOREVER), "leaseRenewal: " + FOREVER),
        refused(
            () -> options.withLease(Duration.ofSeconds(6), Duration.ofSeconds(3)),
            "leaseRenewal: PT3S, expected less than half of the lease PT6S"),
        refused(
            () -> options.withSessionRetention(Duration.ofMillis(999)),
            "sessionRetention: PT0.999S, expected at least PT1S and at most 36500 days"),
        refused(() -> options.withSessionRetention(FOREVER), "sessionRetention: " + FOREVER),
        refused(
            () -> options.withIdempotencyRetention(Duration.ZERO),
            "idempotencyRetention: PT0S, expected at least PT1S and at most 36500 days"),
        refused(() -> options.withMaxTurnBytes(0), "maxTurnBytes: 0, expected at least 1"),
        refused(() -> options.withReadConnections(0), "readConnections: 0, expected at least 1"),
        refused(() -> options.withCacheBytes(-1), "cacheBytes: -1, expected at least 0"));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void refusesWhatCanNotBe(Executable set, String message) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, set);
    assertThat(e).hasMessageThat().startsWith(message);
  }

  @Test
  void optionsAreCopiedNotChanged() {
    StorageOptions options = StorageOptions.memory();
    StorageOptions changed = options.withCacheBytes(0).withReadConnections(1);
    assertThat(changed.cacheBytes()).isEqualTo(0);
    assertThat(changed.readConnections()).isEqualTo(1);
    assertThat(options.cacheBytes()).isEqualTo(64L << 20);
    assertThat(options.readConnections()).isEqualTo(4);
  }

  @Test
  void eachOfTheConnectionLimitsIsChangedAlone() throws Exception {
    ConnectionLimits limits = ConnectionLimits.defaults();
    RecordComponent[] all = ConnectionLimits.class.getRecordComponents();
    for (RecordComponent changed : all) {
      String name = changed.getName();
      Object value =
          switch (changed.getAccessor().invoke(limits)) {
            case Integer number -> number + 1;
            case Long number -> number + 1;
            case Duration time -> time.plusSeconds(1);
            case Object other -> throw new AssertionError(name + " is of " + other.getClass());
          };
      Object copy =
          ConnectionLimits.class
              .getMethod(
                  "with" + Ascii.toUpperCase(name.charAt(0)) + name.substring(1), changed.getType())
              .invoke(limits, value);
      for (RecordComponent each : all) {
        assertWithMessage("%s of a copy with another %s", each.getName(), name)
            .that(each.getAccessor().invoke(copy))
            .isEqualTo(each.getName().equals(name) ? value : each.getAccessor().invoke(limits));
      }
    }
  }

  @Test
  void inASmallHeapThereAreFewerInstances() {
    assertThat(HostLimits.maxInstances(1 << 20)).isEqualTo(1_024);
    assertThat(HostLimits.maxInstances(512 << 20)).isEqualTo(32_768);
    assertThat(HostLimits.maxInstances(Long.MAX_VALUE)).isEqualTo(100_000);
  }

  @Test
  void theLongestWork() throws Exception {
    HostLimits.Builder limits =
        HostLimits.builder().turnLimit(LONGEST).drainLimit(LONGEST).idleLimit(LONGEST);
    try (TestHost host = TestHost.of(limits, Probe.doing(Probe::echo))) {
      TestStub stub = host.stub("a");
      assertThat(stub.ask("1")).isEqualTo("1");
      stub.call("2", call -> call.setTimeout(Durations.MAX_VALUE));
      assertThat(stub.outcome(2).getText()).isEqualTo("2");
      stub.halfClose();
      stub.closed();
      host.host().drain();
    }
  }
}
