package dev.seriatim.wire;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Holds the frames that are read and written by hand to the generated classes. */
final class FramesTest {
  private static final int FRAMES = 3000;

  private interface Check {
    void check(RandomFrames frames, int frame) throws Exception;
  }

  /** Checks many frames of each seed. */
  private static void check(boolean anyDepth, Check each) {
    Seeds.each(
        1,
        seed -> {
          RandomFrames frames = new RandomFrames(seed, anyDepth);
          for (int i = 0; i < FRAMES; i++) {
            each.check(frames, i);
          }
        });
  }

  private static byte[] bytesOf(EncodedFrame frame) throws IOException {
    try (InputStream stream = EncodedFrame.MARSHALLER.stream(frame)) {
      return FrameBytes.read(stream);
    }
  }

  /** What a reader makes of a request, in the generated class's words. */
  private static ConnectRequest read(RequestFrame frame) throws InvalidProtocolBufferException {
    if (frame.fault() != null) {
      throw new InvalidProtocolBufferException(frame.fault());
    }
    ConnectRequest.Builder request = ConnectRequest.newBuilder();
    if (frame.open() != null) {
      request.setOpen(frame.open());
    }
    for (dev.seriatim.wire.Invocation invocation : frame.invocations()) {
      Invocation.Builder copy =
          Invocation.newBuilder()
              .setSequence(invocation.sequence())
              .setMethod(invocation.method())
              .setMessage(invocation.message())
              .putAllMetadata(invocation.metadata());
      if (invocation.isJson()) {
        copy.setJson(invocation.json());
      }
      if (invocation.timeout() != null) {
        copy.setTimeout(invocation.timeout());
      }
      request.addInvocations(copy);
    }
    return request.build();
  }

  /** The same without what a reader may not notice: unknown fields, and an absent empty message. */
  private static ConnectRequest plain(ConnectRequest frame) {
    ConnectRequest.Builder plain = ConnectRequest.newBuilder();
    if (frame.hasOpen()) {
      plain.setOpen(frame.getOpen());
    }
    for (Invocation invocation : frame.getInvocationsList()) {
      Invocation.Builder copy =
          invocation.toBuilder().setUnknownFields(UnknownFieldSet.getDefaultInstance());
      if (!copy.hasJson()) {
        copy.setMessage(invocation.getMessage());
      }
      plain.addInvocations(copy);
    }
    return plain.build();
  }

  private static @Nullable ConnectRequest expectedRequest(byte[] bytes) {
    try {
      return plain(ConnectRequest.parseFrom(bytes));
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  private static @Nullable ConnectRequest actualRequest(byte[] bytes) {
    try {
      return read(RequestFrame.parse(bytes));
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  @Test
  void requestsAreReadAsTheyWereWritten() {
    check(
        /* anyDepth= */ false,
        (frames, i) -> {
          byte[] bytes = frames.request().toByteArray();
          ConnectRequest expected = expectedRequest(bytes);
          assertWithMessage("frame %s", i).that(expected).isNotNull();
          assertWithMessage("frame %s", i).that(actualRequest(bytes)).isEqualTo(expected);
        });
  }

  @Test
  void damagedRequestsAreRefusedJustWhereTheGeneratedClassRefusesThem() {
    check(
        /* anyDepth= */ true,
        (frames, i) -> {
          byte[] bytes = frames.damaged(frames.request().toByteArray());
          assertWithMessage("frame %s", i)
              .that(actualRequest(bytes))
              .isEqualTo(expectedRequest(bytes));
        });
  }

  @Test
  void anIntegerWhoseTenthByteSaysMoreIsTakenAsByTheGeneratedClass() {
    // Found at random: an unknown field 1, in a request and in an invocation of one.
    for (String hex : List.of("08d2a1d79bb296fec0ecdb", "120b10d2a1d79bb296fec0ecdb")) {
      byte[] bytes = HexFormat.of().parseHex(hex);
      assertWithMessage(hex).that(expectedRequest(bytes)).isNotNull();
      assertWithMessage(hex).that(actualRequest(bytes)).isEqualTo(expectedRequest(bytes));
    }
    assertThat(parse(HexFormat.of().parseHex("08d2a1d79bb296fec0ecdb")).outcomes()).isEqualTo(0);
  }

  @Test
  void whatIsWholeInFrontOfTheFaultIsRead() {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    for (int sequence = 1; sequence <= 3; sequence++) {
      frame.addInvocations(Invocation.newBuilder().setSequence(sequence).setMethod("Do"));
    }
    ByteString bytes = frame.build().toByteString();
    RequestFrame cut = RequestFrame.parse(bytes.substring(0, bytes.size() - 1).toByteArray());
    assertThat(cut.invocations().stream().map(dev.seriatim.wire.Invocation::sequence))
        .containsExactly(1L, 2L)
        .inOrder();
    assertThat(cut.fault()).isNotNull();
  }

  @Test
  void requestsAreWrittenAsByTheGeneratedClass() {
    check(/* anyDepth= */ false, FramesTest::assertRequestWrittenAlike);
  }

  private static void assertRequestWrittenAlike(RandomFrames frames, int i) throws IOException {
    ConnectRequest.Builder frame =
        frames.request().toBuilder().setUnknownFields(UnknownFieldSet.getDefaultInstance());
    RequestEncoder encoder =
        new RequestEncoder(frame.hasOpen() ? frame.getOpen() : null, frame.getInvocationsCount());
    for (Invocation.Builder invocation : frame.getInvocationsBuilderList()) {
      write(invocation, encoder);
    }
    frame.setAcknowledgedThrough(i % 3 == 0 ? 0 : (long) i << (i % 50));
    encoder.acknowledge(frame.getAcknowledgedThrough());
    assertWithMessage("frame %s", i)
        .that(bytesOf(encoder.encode()))
        .isEqualTo(frame.build().toByteArray());
  }

  /** Makes an invocation one that clients write, and adds it. */
  private static void write(Invocation.Builder invocation, RequestEncoder encoder) {
    invocation
        .setSequence(Math.max(1, invocation.getSequence()))
        .setMethod("M" + invocation.getMethod())
        .setMessage(invocation.getMessage())
        .setUnknownFields(UnknownFieldSet.getDefaultInstance());
    long nanos = -1;
    if (invocation.hasTimeout()) {
      nanos = Math.abs(invocation.getTimeout().getSeconds() % 1_000_000_000L) * 1_000_000L;
      invocation.setTimeout(
          Duration.newBuilder()
              .setSeconds(nanos / 1_000_000_000)
              .setNanos((int) (nanos % 1_000_000_000)));
    }
    Content argument = Content.of(invocation.getMessage());
    if (nanos < 0 && invocation.getMetadataCount() == 0) {
      encoder.add(invocation.getSequence(), invocation.getMethod(), argument);
    } else {
      encoder.add(
          invocation.getSequence(),
          invocation.getMethod(),
          argument,
          nanos,
          invocation.getMetadataMap());
    }
  }

  @Test
  void messagesAreWrittenAsTheirBytes() throws Exception {
    Open message = Open.newBuilder().setNamespace("N").setName("x".repeat(200)).build();
    RequestEncoder byMessage = new RequestEncoder(null, 1);
    byMessage.add(7, "Do", Content.of(message));
    RequestEncoder byBytes = new RequestEncoder(null, 1);
    byBytes.add(7, "Do", Content.of(message.toByteString()));
    assertThat(bytesOf(byMessage.encode())).isEqualTo(bytesOf(byBytes.encode()));
    assertThat(Content.of(message).toByteString()).isEqualTo(message.toByteString());
  }

  private static ResponseFrame parse(byte[] bytes) {
    return ResponseFrame.MARSHALLER.parse(new ByteArrayInputStream(bytes));
  }

  private static void assertSame(String what, ResponseFrame actual, ConnectResponse expected) {
    assertWithMessage(what)
        .that(actual.opened())
        .isEqualTo(expected.hasOpened() ? expected.getOpened() : null);
    assertWithMessage(what)
        .that(actual.broken())
        .isEqualTo(expected.hasBroken() ? expected.getBroken() : null);
    assertWithMessage(what).that(actual.outcomes()).isEqualTo(expected.getOutcomesCount());
    for (int i = 0; i < actual.outcomes(); i++) {
      dev.seriatim.v1.Outcome outcome = expected.getOutcomes(i);
      assertWithMessage(what).that(actual.sequence(i)).isEqualTo(outcome.getSequence());
      assertWithMessage(what)
          .that(actual.message(i))
          .isEqualTo(outcome.hasMessage() ? outcome.getMessage() : null);
    }
  }

  private static void assertReadAlike(String what, byte[] bytes) {
    ConnectResponse expected;
    try {
      expected = ConnectResponse.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      expected = null;
    }
    ResponseFrame actual;
    try {
      actual = parse(bytes);
    } catch (StatusRuntimeException e) {
      actual = null;
    }
    assertWithMessage(what).that(actual == null).isEqualTo(expected == null);
    if (actual != null && expected != null) {
      assertSame(what, actual, expected);
    }
  }

  @Test
  void responsesAreReadAsTheyWereWritten() {
    check(
        /* anyDepth= */ false,
        (frames, i) -> {
          byte[] bytes = frames.response().toByteArray();
          assertReadAlike("frame " + i, bytes);
          assertWithMessage("frame %s", i).that(parse(bytes).outcomes()).isAtLeast(0);
        });
  }

  @Test
  void damagedResponsesAreRefusedJustWhereTheGeneratedClassRefusesThem() {
    check(
        /* anyDepth= */ true,
        (frames, i) ->
            assertReadAlike("frame " + i, frames.damaged(frames.response().toByteArray())));
  }

  @Test
  void responsesAreWrittenAsByTheGeneratedClass() {
    check(/* anyDepth= */ false, FramesTest::assertResponseWrittenAlike);
  }

  private static void assertResponseWrittenAlike(RandomFrames frames, int i) throws IOException {
    ConnectResponse.Builder frame =
        frames.response().toBuilder()
            .setUnknownFields(UnknownFieldSet.getDefaultInstance())
            .clearOpened();
    List<Outcome> outcomes = new ArrayList<>();
    for (var outcome : frame.getOutcomesBuilderList()) {
      outcome.setUnknownFields(UnknownFieldSet.getDefaultInstance());
      outcomes.add(
          new Outcome(
              outcome.getSequence(),
              outcome.hasMessage() ? Content.of(outcome.getMessage()) : null,
              outcome.hasJson() ? outcome.getJson() : null));
    }
    ConnectResponse built = frame.build();
    boolean numbered =
        built.getOutcomesList().stream().allMatch(outcome -> outcome.getSequence() != 0);
    byte[] bytes =
        bytesOf(ResponseEncoder.encode(outcomes, built.hasBroken() ? built.getBroken() : null));
    assertWithMessage("frame %s", i).that(ConnectResponse.parseFrom(bytes)).isEqualTo(built);
    if (numbered) { // The generated class leaves a zero out.
      assertWithMessage("frame %s", i).that(bytes).isEqualTo(built.toByteArray());
    }
  }

  @Test
  void aFrameCanBeSentAgainAndDrained() throws Exception {
    EncodedFrame encoded =
        EncodedFrame.of(new RandomFrames(/* seed= */ 1, /* anyDepth= */ false).request());
    assertThat(bytesOf(encoded)).isEqualTo(bytesOf(encoded));
    try (InputStream stream = EncodedFrame.MARSHALLER.stream(encoded)) {
      assertThat(stream).isInstanceOf(KnownLength.class);
      assertThat(stream.available()).isEqualTo(encoded.size());
      ByteArrayOutputStream drained = new ByteArrayOutputStream();
      assertThat(((Drainable) stream).drainTo(drained)).isEqualTo(encoded.size());
      assertThat(drained.toByteArray()).isEqualTo(bytesOf(encoded));
      assertThat(stream.read()).isEqualTo(-1);
    }
  }

  @Test
  void aMethodThatIsNotUtf8IsRefused() {
    ByteString wrong = ByteString.copyFrom(new byte[] {'a', (byte) 0xC0});
    byte[] frame =
        ConnectRequest.newBuilder()
            .addInvocations(Invocation.newBuilder().setSequence(1).setMethod("ab"))
            .build()
            .toByteArray();
    wrong.copyTo(frame, frame.length - 2);
    assertThat(RequestFrame.parse(frame).fault()).contains("UTF-8");
  }
}
