package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Outcome;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A stub as bare frames. Checks on the way that the host keeps its rules: opened first and once,
 * outcomes in order, nothing behind broken.
 */
public final class TestStub {
  private final ClientCall<ConnectRequest, ConnectResponse> call;
  private final int readAtFirst;
  private long sent;

  // Guarded by this.
  private final List<Outcome> outcomes = new ArrayList<>();
  private final List<String> violations = new ArrayList<>();
  private boolean opened;
  private @Nullable Broken broken;
  private @Nullable Status status;

  /** A stub whose client reads this many frames, and then only what it asks for. */
  public TestStub(Channel channel, Open open, int readAtFirst) {
    this(channel, open, readAtFirst, CallOptions.DEFAULT);
  }

  /** A stub that compresses its frames. */
  static TestStub compressing(Channel channel, Open open) {
    return new TestStub(
        channel, open, Integer.MAX_VALUE, CallOptions.DEFAULT.withCompression("gzip"));
  }

  private TestStub(Channel channel, Open open, int readAtFirst, CallOptions options) {
    this.readAtFirst = readAtFirst;
    call = channel.newCall(DurableObjectsGrpc.getConnectMethod(), options);
    call.start(new Listener(), new Metadata());
    call.setMessageCompression(options.getCompressor() != null);
    call.request(readAtFirst == Integer.MAX_VALUE ? 2 : readAtFirst);
    call.sendMessage(ConnectRequest.newBuilder().setOpen(open).build());
  }

  private final class Listener extends ClientCall.Listener<ConnectResponse> {
    @Override
    public void onMessage(ConnectResponse frame) {
      received(frame);
      if (readAtFirst == Integer.MAX_VALUE) {
        call.request(1);
      }
    }

    @Override
    public void onClose(Status end, Metadata trailers) {
      synchronized (TestStub.this) {
        status = end;
        TestStub.this.notifyAll();
      }
    }
  }

  private synchronized void received(ConnectResponse frame) {
    if (broken != null) {
      violations.add("a frame behind broken: " + frame);
    }
    boolean refused = !opened && outcomes.isEmpty() && frame.hasBroken();
    if (frame.hasOpened() == opened && !refused) {
      violations.add("opened: " + frame);
    }
    opened |= frame.hasOpened();
    for (Outcome outcome : frame.getOutcomesList()) {
      outcomes.add(outcome);
      if (outcome.getSequence() != outcomes.size()) {
        violations.add("outcome " + outcome.getSequence() + " in place " + outcomes.size());
      }
    }
    if (frame.hasBroken()) {
      broken = frame.getBroken();
    }
    notifyAll();
  }

  /** Sends a frame as it is. */
  public TestStub send(ConnectRequest frame) {
    call.sendMessage(frame);
    return this;
  }

  /** Sends calls with these texts, in one frame. */
  public TestStub call(String... texts) {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    for (String text : texts) {
      frame.addInvocations(invocation(Probe.words(text)).build());
    }
    call.sendMessage(frame.build());
    return this;
  }

  /** Sends this many calls with this argument, in one frame. */
  public TestStub call(int times, Words argument) {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    for (int i = 0; i < times; i++) {
      frame.addInvocations(invocation(argument).build());
    }
    call.sendMessage(frame.build());
    return this;
  }

  /** Sends a call with this text, changed. */
  public TestStub call(String text, UnaryOperator<Invocation.Builder> change) {
    call.sendMessage(
        ConnectRequest.newBuilder()
            .addInvocations(change.apply(invocation(Probe.words(text))))
            .build());
    return this;
  }

  /** Sends a call with this text, and one with that text, changed, in one frame. */
  public TestStub callBehind(
      String text, String changedText, UnaryOperator<Invocation.Builder> change) {
    call.sendMessage(
        ConnectRequest.newBuilder()
            .addInvocations(invocation(Probe.words(text)))
            .addInvocations(change.apply(invocation(Probe.words(changedText))))
            .build());
    return this;
  }

  private Invocation.Builder invocation(Words argument) {
    return Invocation.newBuilder()
        .setSequence(++sent)
        .setMethod("Do")
        .setMessage(argument.toByteString());
  }

  public void halfClose() {
    call.halfClose();
  }

  public void cancel() {
    call.cancel("the test cancels", null);
  }

  /** Reads this many more frames. */
  public void read(int frames) {
    call.request(frames);
  }

  /** Waits for the outcome of this number. */
  public Words outcome(int sequence) {
    await(() -> outcomes.size() >= sequence || isOver(), "outcome " + sequence);
    synchronized (this) {
      assertWithMessage("outcomes, broken by %s, status %s", broken, status)
          .that(outcomes.size())
          .isAtLeast(sequence);
      try {
        return Words.parseFrom(outcomes.get(sequence - 1).getMessage());
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Sends a call with this text and waits for its outcome. */
  public String ask(String text) {
    return call(text).answer();
  }

  /** Waits for the outcome of the last call. */
  public String answer() {
    return outcome((int) sent).getText();
  }

  /** How many outcomes have come. */
  public synchronized int outcomes() {
    return outcomes.size();
  }

  /** Waits until the stub breaks for this reason, and checks what is always so. */
  public Broken broken(String reason) {
    await(this::isOver, "broken with " + reason);
    synchronized (this) {
      assertThat(violations).isEmpty();
      Broken seen = broken;
      Status end = status;
      if (seen == null || end == null) {
        throw new AssertionError("the call ended with " + end + ", expected broken");
      }
      assertThat(info(seen).getReason()).isEqualTo(reason);
      assertThat(info(seen).getDomain()).isEqualTo("seriatim.dev");
      assertThat(seen.getCompletedThrough()).isEqualTo(outcomes.size());
      assertThat(end.getCode().value()).isEqualTo(seen.getCause().getCode());
      assertThat(String.valueOf(end.getDescription())).isEqualTo(seen.getCause().getMessage());
      return seen;
    }
  }

  /** The first detail of the cause. */
  public static ErrorInfo info(Broken broken) {
    Any first = broken.getCause().getDetails(0);
    try {
      return first.unpack(ErrorInfo.class);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits until the call ends with OK. */
  public void closed() {
    await(this::isOver, "the end of the call");
    synchronized (this) {
      assertThat(violations).isEmpty();
      assertThat(broken).isNull();
      assertThat(status == null ? null : status.getCode()).isEqualTo(Status.Code.OK);
    }
  }

  /** Waits until the call ends, without a broken frame. */
  public Status lost() {
    await(this::isOver, "the end of the call");
    synchronized (this) {
      assertThat(broken).isNull();
      Status end = status;
      if (end == null) {
        throw new AssertionError("the call has not ended");
      }
      return end;
    }
  }

  /** Waits until the call ends, however it does. */
  public Status end() {
    await(this::isOver, "the end of the call");
    synchronized (this) {
      assertThat(violations).isEmpty();
      return requireNonNull(status);
    }
  }

  /** Whether the host has broken the stub. */
  public synchronized boolean isBroken() {
    return broken != null;
  }

  public synchronized boolean isOpened() {
    return opened;
  }

  public synchronized boolean isOver() {
    return status != null;
  }

  private void await(java.util.function.BooleanSupplier condition, String what) {
    long end = System.nanoTime() + java.util.concurrent.TimeUnit.SECONDS.toNanos(60);
    synchronized (this) {
      while (!condition.getAsBoolean()) {
        long millis = (end - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
          throw new AssertionError(
              "never came: %s; %d outcomes, broken %s, status %s"
                  .formatted(what, outcomes.size(), broken, status));
        }
        try {
          wait(millis);
        } catch (InterruptedException e) {
          throw new AssertionError("interrupted while waiting for: " + what, e);
        }
      }
    }
  }
}
