package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A stub is asked for at a host that says, for as long as it has the slot, that it isn't there. */
final class RepulseTest {
  /** How often the edge looks. */
  private static final Duration LOOK = Duration.ofMillis(50);

  /** The ways that were opened, in that order. */
  private final List<ToHost> opened = new ArrayList<>();

  private final OneStub stub = new OneStub(_ -> new ToHost(), () -> true);

  /** The host that has the slot. */
  private String host = "one";

  private final class ToHost extends FakeWay {
    private final String to = host;

    @Override
    public void open(long completedThrough) {
      opened.add(this);
    }

    @Override
    public String host() {
      return to;
    }
  }

  /** The host that was asked last says that it doesn't have the object. */
  private void refuse() {
    stub.relay().notThere(opened.getLast());
  }

  /** The host says so until it isn't asked for half a second at least. */
  private void refuseOften() {
    for (int times = 0; times < 6; times++) {
      refuse();
      stub.after(Repulse.LONGEST);
    }
    refuse();
    int asked = opened.size();
    stub.after(Repulse.LONGEST.dividedBy(2).minusMillis(1));
    assertWithMessage("how often it was asked").that(opened).hasSize(asked);
  }

  @Test
  void theFirstTimeIsNewsAndTheHostMayBeAskedAgainAtOnce() {
    stub.relay().begin();
    refuse();
    stub.after(Duration.ZERO);
    assertThat(opened).hasSize(2);
  }

  @Test
  void aHostThatSaysSoAgainAndAgainIsAskedLessAndLessOften() {
    List<Duration> asked = new ArrayList<>();
    Duration now = Duration.ZERO;
    stub.relay().begin();
    while (stub.end() == null) {
      if (stub.relay().way() != null) {
        asked.add(now);
        refuse();
      }
      now = now.plus(LOOK);
      assertWithMessage("for how long it waits").that(now).isAtMost(stub.patience().plus(LOOK));
      stub.after(LOOK);
    }
    // At once, after 25 to 50 ms, 50 to 100, and so on to 0.5 to 1 s, and at the look behind that.
    assertWithMessage("when it was asked: %s", asked).that(asked.size()).isAtMost(7 + 16);
    assertWithMessage("when it was asked: %s", asked).that(asked.size()).isAtLeast(7 + 4);
    for (int i = 7; i < asked.size(); i++) {
      Duration pause = asked.get(i).minus(asked.get(i - 1));
      assertThat(pause).isAtLeast(Repulse.LONGEST.dividedBy(2));
      assertThat(pause).isAtMost(Repulse.LONGEST.plus(LOOK));
    }
    assertThat(BreakCause.reason(requireNonNull(stub.broken()).getCause()))
        .isEqualTo(BreakReason.OWNER_UNAVAILABLE);
  }

  @Test
  void anotherHostIsAskedAtOnce() {
    stub.relay().begin();
    refuseOften();
    int asked = opened.size();
    host = "two";
    stub.after(Duration.ZERO);
    assertThat(opened).hasSize(asked + 1);
    refuse();
    stub.after(Duration.ZERO);
    assertThat(opened).hasSize(asked + 2);
  }

  @Test
  void aHostThatHasTheObjectIsAskedAtOnceWhenItHasItNoMore() {
    stub.relay().begin();
    refuseOften();
    stub.after(Repulse.LONGEST);
    int asked = opened.size();
    stub.relay()
        .responded(
            opened.getLast(),
            EncodedFrame.of(
                ConnectResponse.newBuilder().setOpened(Opened.getDefaultInstance()).build()));
    refuse();
    stub.after(Duration.ZERO);
    assertThat(opened).hasSize(asked + 1);
  }
}
