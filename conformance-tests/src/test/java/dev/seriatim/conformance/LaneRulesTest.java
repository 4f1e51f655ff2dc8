package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.conformance.v1.AppendRequest;
import dev.seriatim.conformance.v1.AwaitHeldRequest;
import dev.seriatim.conformance.v1.EchoRequest;
import dev.seriatim.conformance.v1.HoldRequest;
import dev.seriatim.conformance.v1.ReadJournalRequest;
import dev.seriatim.conformance.v1.ReadJournalResponse;
import dev.seriatim.conformance.v1.ReleaseRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Seeds;
import dev.seriatim.v1.LaneResponse;
import dev.seriatim.v1.Outcome;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What no case can say of lanes: what isn't sent, exact amounts, and all sorts of credit. The cases
 * have the rest, in {@code 92-lanes.textproto}.
 */
final class LaneRulesTest {
  private static final EchoRequest ECHO = EchoRequest.newBuilder().setText("x").build();

  /** Four replies like this take a lane's first credit. */
  private static final EchoRequest LARGE =
      EchoRequest.newBuilder().setPaddingBytes(64 << 10).build();

  private DurableObjectHost host;
  private ManagedChannel channel;
  private ManyConversation call;

  @BeforeEach
  void start() throws Exception {
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    new ProbeNamespaces().addTo(builder);
    host = builder.build().start();
    channel =
        NettyChannelBuilder.forTarget(
                "127.0.0.1:" + host.port(), InsecureChannelCredentials.create())
            .maxInboundMessageSize(16 << 20)
            .build();
    call = new ManyConversation(channel);
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    host.close();
  }

  private void open(long lane, String name) throws InterruptedException {
    call.send(call.open(lane, name));
    assertThat(call.next(lane, "opened").getFrame().getOpened().getName()).isEqualTo(name);
  }

  private void assertWorks(long lane, String name) throws InterruptedException {
    open(lane, name);
    call.send(call.call(lane, ECHO));
    assertThat(call.outcome(lane).getSequence()).isEqualTo(1);
  }

  // ---- one lane

  @Test
  void aCancelledLaneIsSilentAndStartsNoFurtherTurn() throws Exception {
    open(1, "cancelled");
    call.send(
        call.call(
            1,
            HoldRequest.newBuilder().setGate("cancelled").build(),
            AppendRequest.newBuilder().setMark("never").build()));
    awaitHeld("cancelled");
    call.send(call.part(1).setCancel(true).build());
    open(2, "cancelled");
    release("cancelled");
    call.send(call.call(2, ReadJournalRequest.getDefaultInstance()));
    assertThat(marks(call.outcome(2))).isEmpty();
    assertThat(call.nothingCame()).isTrue();
  }

  // ---- limits

  @Test
  void tenThousandLanesThatAreCancelledLeaveNothingBehind() throws Exception {
    int lanes = 10_000;
    for (int lane = 1; lane <= lanes; lane++) {
      call.send(
          call.open(lane, "o" + lane % 100),
          call.call(lane, ECHO),
          call.part(lane).setCancel(true).build());
    }
    call.send(call.open(lanes + 1, "a"), call.call(lanes + 1, ECHO));
    LaneResponse part = call.next("the outcome of the last lane");
    while (part.getFrame().getOutcomesCount() == 0 || part.getLane() != lanes + 1) {
      part = call.next("the outcome of the last lane");
    }
  }

  // ---- credit

  @Test
  void aLaneWithoutCreditStopsItsOwnStubAndNoOther() throws Exception {
    int neighbours = 1_000;
    open(1, "stalled");
    EchoRequest[] many = new EchoRequest[40];
    java.util.Arrays.fill(many, LARGE);
    call.send(call.call(1, many));
    int stalled = 0;
    int taken = 0;
    while (taken < 256 << 10) {
      LaneResponse part = call.next(1, "what the lane has credit for");
      taken += part.getFrame().getSerializedSize();
      stalled += part.getFrame().getOutcomesCount();
    }
    for (int lane = 2; lane <= neighbours + 1; lane++) {
      assertWorks(lane, "o" + lane);
    }
    assertThat(call.nothingCame()).isTrue();
    while (stalled < many.length) {
      call.send(call.part(1).setMoreBytes(taken).build());
      taken = 0;
      while (taken < 256 << 10 && stalled < many.length) {
        LaneResponse part = call.next(1, "what the lane has more credit for");
        taken += part.getFrame().getSerializedSize();
        for (Outcome outcome : part.getFrame().getOutcomesList()) {
          stalled++;
          assertThat(outcome.getSequence()).isEqualTo(stalled);
        }
      }
    }
  }

  @Test
  void whateverCreditIsGivenEveryOutcomeComesInOrder() throws Exception {
    Seeds.each(
        1,
        seed -> {
          stop();
          start();
          giveCredit(new Random(seed));
        });
  }

  private void giveCredit(Random random) throws Exception {
    int lanes = 1 + random.nextInt(30);
    Map<Long, Long> expected = new HashMap<>();
    Map<Long, Long> came = new HashMap<>();
    Map<Long, Long> owed = new HashMap<>();
    for (long lane = 1; lane <= lanes; lane++) {
      call.send(call.open(lane, "o" + random.nextInt(5)));
    }
    long missing = 0;
    for (int i = 0; i < 200; i++) {
      long lane = 1L + random.nextInt(lanes);
      EchoRequest[] requests = new EchoRequest[1 + random.nextInt(5)];
      for (int r = 0; r < requests.length; r++) {
        requests[r] = EchoRequest.newBuilder().setPaddingBytes(random.nextInt(40_000)).build();
      }
      call.send(call.call(lane, requests));
      expected.merge(lane, (long) requests.length, Long::sum);
      missing += requests.length;
    }
    while (missing > 0) {
      LaneResponse part = call.next("an outcome");
      for (Outcome outcome : part.getFrame().getOutcomesList()) {
        assertWithMessage("lane %s", part.getLane())
            .that(outcome.getSequence())
            .isEqualTo(came.merge(part.getLane(), 1L, Long::sum));
        missing--;
      }
      if (part.getFrame().getOutcomesCount() > 0) {
        long owes =
            owed.merge(part.getLane(), (long) part.getFrame().getSerializedSize(), Long::sum);
        // As late as can be, now and then: when the lane's first credit is just taken.
        if (owes >= 256 << 10 || random.nextInt(4) == 0) {
          call.send(call.part(part.getLane()).setMoreBytes((int) owes).build());
          owed.put(part.getLane(), 0L);
        }
      }
    }
    assertThat(came).isEqualTo(expected);
  }

  // ---- what the probe is told aside

  private void awaitHeld(String gate) throws InterruptedException {
    ManyConversation aside = new ManyConversation(channel);
    aside.send(
        aside.open(1, "aside"), aside.call(1, AwaitHeldRequest.newBuilder().setGate(gate).build()));
    aside.next(1, "opened");
    aside.outcome(1);
  }

  private void release(String gate) throws InterruptedException {
    ManyConversation aside = new ManyConversation(channel);
    aside.send(
        aside.open(1, "aside"), aside.call(1, ReleaseRequest.newBuilder().setGate(gate).build()));
    aside.next(1, "opened");
    aside.outcome(1);
  }

  private static String marks(Outcome outcome) throws InvalidProtocolBufferException {
    return String.join(",", ReadJournalResponse.parseFrom(outcome.getMessage()).getMarksList());
  }

  // ---- a host that shuts down

  @Test
  void whatComesWhileTheHostShutsDownIsToldThatItHadNoEffect() throws Exception {
    assertWorks(1, "drained");
    ManyConversation begun = new ManyConversation(channel);
    // The connection goes in order, so that both calls are there.
    call.halfClose(1);
    assertThat(call.next(1, "the end").getEnd().getCode()).isEqualTo(0);
    Thread draining =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    host.drain();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                });
    assertThat(call.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    begun.send(begun.open(1, "a"), begun.call(1, ECHO), begun.open(2, "b"), begun.open(3, "c"));
    for (long lane = 1; lane <= 3; lane++) {
      LaneResponse part = begun.next(lane, "a break");
      assertThat(part.getFrame().getBroken().getCause().getMessage()).contains("shutting down");
      assertThat(part.getFrame().getBroken().getRetryable()).isTrue();
      if (!part.hasEnd()) {
        assertThat(begun.next(lane, "an end").hasEnd()).isTrue();
      }
    }
    assertThat(begun.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    draining.join();
  }
}
