package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.service.session.UntoldEnd;
import org.junit.jupiter.api.Test;

/** A stub whose way throws: nobody knows what came to the owner, and nobody else would go on. */
final class RelayTest {
  /** What a way may throw at. */
  private enum At {
    OPEN,
    SEND,
    HALF_CLOSE
  }

  private static final class Throwing extends FakeWay {
    private final At at;
    private boolean cancelled;

    private Throwing(At at) {
      this.at = at;
    }

    private void reach(At now) {
      if (now == at) {
        throw new IllegalStateException("no way at " + now);
      }
    }

    @Override
    public void open(long completedThrough) {
      reach(At.OPEN);
    }

    @Override
    public void send(StubFrame frame) {
      reach(At.SEND);
    }

    @Override
    public void halfClose() {
      reach(At.HALF_CLOSE);
    }

    @Override
    public void cancel() {
      cancelled = true;
    }
  }

  /** Is lost, without a word on what ran, and has left nothing at the edge. */
  private static void assertLost(OneStub stub, Throwing way, At at)
      throws InvalidProtocolBufferException {
    Status end = requireNonNull(stub.end(), "the stub's end");
    assertThat(end.getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(end.getMessage()).contains("could not be passed on");
    assertThat(end.getMessage()).contains("no way at " + at);
    assertThat(end.getDetails(0).unpack(ErrorInfo.class).getReason())
        .isEqualTo(UntoldEnd.OWNER_LOST.name());
    assertWithMessage("what the client is told of what ran").that(stub.broken()).isNull();
    assertWithMessage("whether the edge knows the stub").that(stub.isKnown()).isFalse();
    assertWithMessage("whether the stub waits").that(stub.isWaiting()).isFalse();
    assertWithMessage("how often it was counted as lost").that(stub.lost()).isEqualTo(1);
    assertWithMessage("whether the way was told").that(way.cancelled).isTrue();
    stub.call(7);
    assertWithMessage("room for what nobody will answer").that(stub.room()).isEqualTo(0);
  }

  @Test
  void aStubIsLostWhoseFirstWayCanNotBeOpened() throws Exception {
    Throwing way = new Throwing(At.OPEN);
    OneStub stub = new OneStub(_ -> way, () -> true);
    assertThrows(IllegalStateException.class, () -> stub.relay().begin());
    assertLost(stub, way, At.OPEN);
  }

  @Test
  void aStubThatHasWaitedIsLostWhoseWayCanNotBeOpened() throws Exception {
    Throwing way = new Throwing(At.OPEN);
    assertLost(lookedAt(way), way, At.OPEN);
  }

  @Test
  void aStubIsLostWhoseWayDoesNotTakeWhatWasKept() throws Exception {
    Throwing way = new Throwing(At.SEND);
    assertLost(lookedAt(way), way, At.SEND);
  }

  @Test
  void aStubIsLostWhoseWayCanNotBeToldOfItsEnd() throws Exception {
    Throwing way = new Throwing(At.HALF_CLOSE);
    assertLost(lookedAt(way), way, At.HALF_CLOSE);
  }

  /** A stub whose client has called and half-closed before this way is found. */
  private static OneStub lookedAt(Throwing way) {
    boolean[] found = {false};
    OneStub stub = new OneStub(_ -> found[0] ? way : null, () -> true);
    stub.relay().begin();
    stub.call(1);
    stub.call(2);
    stub.relay().input().halfClose();
    assertWithMessage("whether the stub waits").that(stub.isWaiting()).isTrue();
    found[0] = true;
    assertThrows(IllegalStateException.class, () -> stub.relay().look(stub.nanos()));
    return stub;
  }
}
