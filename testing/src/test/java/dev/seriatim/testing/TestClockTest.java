package dev.seriatim.testing;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Int64Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.testing.v1.RingRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The time of a host under test, and its alarms. */
class TestClockTest {
  @RegisterExtension
  static final SeriatimExtension SERIATIM =
      SeriatimExtension.of(Tally::addTo).clockAt("2026-03-01T00:00:00Z");

  private static Set<String> rang(TestSeriatim host, String name) {
    return host.object(Tally.NAMESPACE, name).entries("rang/").keySet();
  }

  @Test
  void timeStandsStillUntilItIsMoved(TestSeriatim host) {
    assertThat(host.clock().now()).isEqualTo(Instant.parse("2026-03-01T00:00:00Z"));
    host.clock().advance(Duration.ofHours(2));
    assertThat(host.clock().now()).isEqualTo(Instant.parse("2026-03-01T02:00:00Z"));
    host.clock().set(Instant.parse("2025-01-01T00:00:00Z"));
    assertThat(host.clock().instant()).isEqualTo(Instant.parse("2025-01-01T00:00:00Z"));
    assertThrows(
        IllegalArgumentException.class, () -> host.clock().advance(Duration.ofSeconds(-1)));
  }

  @Test
  void alarmsThatAreDueHaveRunWhenTheTimeHasBeenMoved(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    Tallies.ringAfterSeconds(stub, 60);
    Tallies.ringAfterSeconds(host.stub(Tally.NAMESPACE, "b"), 61);
    assertThat(host.object(Tally.NAMESPACE, "a").alarm())
        .hasValue(Instant.parse("2026-03-01T00:01:00Z"));
    host.clock().advance(Duration.ofSeconds(59));
    assertThat(rang(host, "a")).isEmpty();
    host.clock().advance(Duration.ofSeconds(1));
    assertThat(rang(host, "a")).containsExactly("rang/2026-03-01T00:01:00Z");
    assertThat(rang(host, "b")).isEmpty();
    assertThat(host.object(Tally.NAMESPACE, "a").alarm()).isEmpty();
    host.crash();
    assertThat(rang(host, "a")).containsExactly("rang/2026-03-01T00:01:00Z");
    host.clock().advance(Duration.ofDays(1));
    assertThat(rang(host, "b")).containsExactly("rang/2026-03-01T00:01:01Z");
  }

  @Test
  void timeIsMovedFromAlarmToAlarm(TestSeriatim host) {
    Tallies.ring(
        host.stub(Tally.NAMESPACE, "a"),
        RingRequest.newBuilder()
            .setAfter(Durations.fromHours(1))
            .setEvery(Durations.fromHours(10))
            .build());
    host.clock().advance(Duration.ofDays(1));
    assertThat(rang(host, "a"))
        .containsExactly(
            "rang/2026-03-01T01:00:00Z", "rang/2026-03-01T11:00:00Z", "rang/2026-03-01T21:00:00Z");
    assertThat(host.clock().now()).isEqualTo(Instant.parse("2026-03-02T00:00:00Z"));
  }

  @Test
  void timeThatIsSetIsMovedInOneStep(TestSeriatim host) {
    Tallies.ring(
        host.stub(Tally.NAMESPACE, "a"),
        RingRequest.newBuilder()
            .setAfter(Durations.fromHours(1))
            .setEvery(Durations.fromHours(10))
            .build());
    host.clock().set(Instant.parse("2026-03-02T00:00:00Z"));
    assertThat(rang(host, "a")).containsExactly("rang/2026-03-02T00:00:00Z");
  }

  @Test
  void anAlarmThatFailsIsTriedAgainWhileTimeIsMoved(TestSeriatim host) {
    Tallies.ring(
        host.stub(Tally.NAMESPACE, "a"),
        RingRequest.newBuilder().setAfter(Durations.fromSeconds(1)).setFailures(2).build());
    host.clock().advance(Duration.ofSeconds(6));
    assertThat(rang(host, "a")).isEmpty();
    host.clock().advance(Duration.ofSeconds(1));
    assertThat(host.object(Tally.NAMESPACE, "a").entries("rang/", Int64Value.parser()))
        .containsExactly("rang/2026-03-01T00:00:07Z", Int64Value.of(2));
  }

  @Test
  void anAlarmThatCameDueBeforeTheHostWasThereRuns(TestSeriatim host) {
    Tallies.ringAfterSeconds(host.stub(Tally.NAMESPACE, "a"), 60);
    host.drain();
    host.clock().advance(Duration.ofHours(1));
    host.restart();
    host.clock().advance(Duration.ZERO);
    assertThat(rang(host, "a")).containsExactly("rang/2026-03-01T01:00:00Z");
  }

  @Test
  void anAlarmWhoseCommitIsHeldIsLostInACrashAndRunsAgain(TestSeriatim host) {
    Tallies.ringAfterSeconds(host.stub(Tally.NAMESPACE, "a"), 60);
    try (HeldCommits held = host.holdCommits()) {
      host.clock().advance(Duration.ofMinutes(1));
      held.awaitCommit();
      host.crash();
    }
    host.clock().advance(Duration.ofMinutes(1));
    // At once when the host was there again, or when the time was moved.
    assertThat(rang(host, "a")).hasSize(1);
  }
}
