package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.Caller;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.session.BreakCause;
import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whose a connection is. */
final class ConnectionTest {
  private static final Caller ALICE = Caller.ofToken("alice", Set.of(), Map.of());
  private static final Caller BOB = Caller.ofToken("bob", Set.of(), Map.of());

  private final CallerCounts oneEach = new CallerCounts(1);

  /** Does what its transport is given only when it is told to. */
  private static EmbeddedChannel channel() {
    EmbeddedChannel channel = new EmbeddedChannel();
    assertThat(channel.isOpen()).isTrue();
    return channel;
  }

  /** How many connections were taken in, or closed. */
  private int taken;

  private Connection on(EmbeddedChannel channel) {
    return new Connection(
        HostLimits.defaults(), new ArrivalBudget(1 << 20), oneEach, channel, () -> taken++);
  }

  private static void assertRefused(@Nullable BreakCause refusal) {
    assertThat(Objects.requireNonNull(refusal, "it was not refused").message())
        .contains("may have 1 connections, and has them");
  }

  @Test
  void whoeverClosesBeforeItSpeaksIsWaitedForNoMore() {
    Connection silent = on(channel());
    assertThat(taken).isEqualTo(0);
    silent.closed();
    assertThat(taken).isEqualTo(1);
  }

  @Test
  void whatIsOneTooManyStaysSoUntilItIsClosed() {
    EmbeddedChannel channel = channel();
    Connection first = on(channel());
    Connection second = on(channel);
    assertThat(first.beginCall(ALICE)).isNull();
    assertRefused(second.beginCall(ALICE));
    first.endCall(ALICE);
    first.closed();

    // There is room for a connection by now; but this one is about to close.
    assertRefused(second.beginCall(ALICE));
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isFalse();
    second.closed();
    assertThat(on(channel()).beginCall(ALICE)).isNull();
  }

  @Test
  void whileItClosesOthersMayFinishWhatTheyBegin() {
    EmbeddedChannel channel = channel();
    Connection first = on(channel());
    Connection second = on(channel);
    assertThat(first.beginCall(ALICE)).isNull();
    assertRefused(second.beginCall(ALICE));
    assertThat(second.beginCall(BOB)).isNull();
    channel.runPendingTasks();
    second.closed();

    assertRefused(on(channel()).beginCall(BOB));
    second.endCall(BOB);
    assertThat(on(channel()).beginCall(BOB)).isNull();
  }

  @Test
  void whatIsSomebodyElsesStays() {
    EmbeddedChannel channel = channel();
    Connection first = on(channel());
    Connection second = on(channel);
    assertThat(first.beginCall(ALICE)).isNull();
    assertThat(second.beginCall(BOB)).isNull();
    assertRefused(second.beginCall(ALICE));
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isTrue();
    first.endCall(ALICE);
    first.closed();
    assertThat(second.beginCall(ALICE)).isNull();
  }
}
