package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.v1.Session;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** One connection of a session, as bare frames. */
final class SessionStub {
  private final ClientCall<ConnectRequest, ConnectResponse> call;

  // Guarded by this.
  private final List<Outcome> outcomes = new ArrayList<>();
  private @Nullable OpenedSession opened;
  private @Nullable Broken broken;
  private @Nullable Status status;

  private SessionStub(Channel channel, ConnectRequest first) {
    call = channel.newCall(DurableObjectsGrpc.getConnectMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(ConnectResponse frame) {
            received(frame);
            call.request(1);
          }

          @Override
          public void onClose(Status end, Metadata trailers) {
            synchronized (SessionStub.this) {
              status = end;
              SessionStub.this.notifyAll();
            }
          }
        },
        new Metadata());
    call.request(2);
    call.sendMessage(first);
  }

  /** A session's name, made of this. */
  static ByteString id(String session) {
    byte[] bytes = new byte[16];
    byte[] name = session.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    System.arraycopy(name, 0, bytes, 0, Math.min(name.length, bytes.length));
    return ByteString.copyFrom(bytes);
  }

  /** Opens a connection on the probe of this name. */
  static SessionStub open(
      Channel channel,
      String name,
      String session,
      int connection,
      long answered,
      @Nullable Duration unanswered) {
    return open(channel, name, session(session, connection, answered, unanswered));
  }

  static SessionStub open(Channel channel, String name, Session session) {
    ConnectRequest.Builder first = ConnectRequest.newBuilder();
    first.getOpenBuilder().setNamespace(TestHost.PROBE).setName(name).setSession(session);
    return new SessionStub(channel, first.build());
  }

  static Session session(
      String session, int connection, long answered, @Nullable Duration unanswered) {
    Session.Builder made =
        Session.newBuilder()
            .setId(id(session))
            .setConnection(connection)
            .setAnsweredThrough(answered);
    if (unanswered != null) {
      made.setUnansweredFor(Durations.fromNanos(unanswered.toNanos()));
    }
    return made.build();
  }

  /** Opens a connection with a call in its first frame. */
  static SessionStub openWithCall(Channel channel, String name, Session session, long sequence) {
    ConnectRequest.Builder first = ConnectRequest.newBuilder();
    first.getOpenBuilder().setNamespace(TestHost.PROBE).setName(name).setSession(session);
    first
        .addInvocationsBuilder()
        .setSequence(sequence)
        .setMethod("Do")
        .setMessage(Probe.words("add").toByteString());
    return new SessionStub(channel, first.build());
  }

  private synchronized void received(ConnectResponse frame) {
    if (frame.hasOpened()) {
      opened = frame.getOpened().getSession();
    }
    outcomes.addAll(frame.getOutcomesList());
    if (frame.hasBroken()) {
      broken = frame.getBroken();
    }
    notifyAll();
  }

  /** Sends a call with this number and text. */
  SessionStub call(long sequence, String text) {
    return call(sequence, text, 0);
  }

  SessionStub call(long sequence, String text, long acknowledged) {
    call.sendMessage(
        ConnectRequest.newBuilder()
            .addInvocations(
                Invocation.newBuilder()
                    .setSequence(sequence)
                    .setMethod("Do")
                    .setMessage(Probe.words(text).toByteString()))
            .setAcknowledgedThrough(acknowledged)
            .build());
    return this;
  }

  void acknowledge(long through) {
    call.sendMessage(ConnectRequest.newBuilder().setAcknowledgedThrough(through).build());
  }

  void halfClose() {
    call.halfClose();
  }

  void cancel() {
    call.cancel("the test cancels", null);
  }

  /** Waits until it is open, and says where the session stands. */
  OpenedSession opened() {
    await(() -> opened != null || status != null, "opened");
    synchronized (this) {
      return requireNonNull(opened, () -> "not opened: " + broken + " " + status);
    }
  }

  /** Waits for an outcome of this number, and gives its text. */
  String outcome(long sequence) {
    await(() -> find(sequence) != null || status != null, "outcome " + sequence);
    synchronized (this) {
      Outcome found = find(sequence);
      if (found == null) {
        throw new AssertionError("no outcome " + sequence + ": " + broken + " " + status);
      }
      try {
        return Words.parseFrom(found.getMessage()).getText();
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
    }
  }

  private @Nullable Outcome find(long sequence) {
    for (Outcome outcome : outcomes) {
      if (outcome.getSequence() == sequence) {
        return outcome;
      }
    }
    return null;
  }

  /** The numbers of the outcomes that have come. */
  synchronized List<Long> sequences() {
    return outcomes.stream().map(Outcome::getSequence).toList();
  }

  /** Waits until it breaks for this reason. */
  Broken broken(String reason) {
    Status end = end();
    synchronized (this) {
      Broken seen = broken;
      if (seen == null) {
        throw new AssertionError("the call ended with " + end + ", expected broken");
      }
      assertThat(TestStub.info(seen).getReason()).isEqualTo(reason);
      return seen;
    }
  }

  synchronized boolean isOpened() {
    return opened != null;
  }

  synchronized boolean isBroken() {
    return broken != null;
  }

  /** Waits for the end of the call. */
  Status end() {
    await(() -> status != null, "the end of the call");
    synchronized (this) {
      return requireNonNull(status);
    }
  }

  private void await(BooleanSupplier condition, String what) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    synchronized (this) {
      while (!condition.getAsBoolean()) {
        long millis = (end - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
          throw new AssertionError(
              "never came: " + what + "; " + outcomes + " " + broken + " " + status);
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
